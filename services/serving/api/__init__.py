"""Translate in: one thin module for each dialect, all over the same operation."""
