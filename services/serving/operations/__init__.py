"""The verbs of serving: `answers` is what callers ask for, and to be read first.

`releases` moves a worker to what the registry wants; `pairing` lets one challenger version answer
what the main answered before it.
"""

from services.serving.operations.answers import Answer, Card, LabelItem, Serving

__all__ = ["Answer", "Card", "LabelItem", "Serving"]
