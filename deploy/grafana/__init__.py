"""Dashboards as code: typed panels in, JSON out."""
