"""Translate out: what the ports name, done with real libraries."""
