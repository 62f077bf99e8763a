"""Kubernetes manifests, and what is generated of other folders for them."""
