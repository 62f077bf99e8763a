"""Scoring history again on the machine of whoever asks: candidates compared, mains audited.

`replay` is the way; `process` holds a child with limits in which a model is loaded and asked
(`child`), `history` reads parts of the archive, `auditing` holds answers against stored ones.
"""
