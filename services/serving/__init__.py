"""Answers predictions of the main version, runs challengers, writes the log."""
