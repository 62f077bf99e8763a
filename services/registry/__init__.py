"""Owns models, versions, reviews, deployments, releases, keys and the audit trail."""
