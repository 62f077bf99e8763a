"""Typed HTTP clients: for services, the command line, tests and outsiders."""
