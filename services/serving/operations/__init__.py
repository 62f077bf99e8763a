"""The verbs of serving. `answers` is what callers ask for; read it first."""

from services.serving.operations.answers import Answer, Card, LabelItem, Serving

__all__ = ["Answer", "Card", "LabelItem", "Serving"]
