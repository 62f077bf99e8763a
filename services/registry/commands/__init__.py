"""What `python -m services.registry` does, one module per command."""
