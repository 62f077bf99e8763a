"""Versions made of what people have: estimators in Python, other tools' model folders."""
