"""Decides. Pure: no I/O, no clock, no framework, no wire type."""
