"""Reads the log and the labels; measures main and challengers; says what it found."""
