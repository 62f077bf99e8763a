"""The verbs of serving: `answers` is what callers ask for, and to be read first.

`scoring` calls a model for many requests at once and `replies` says what each of them is told.
`facts` takes what is told of predictions later, `elsewhere` those that were made elsewhere.
`releases` moves a worker to what the registry wants; `pairing` lets one challenger version answer
what the main answered before it.
"""

from services.serving.operations.answers import Serving
from services.serving.operations.calls import PLAIN, Options
from services.serving.operations.cards import Card
from services.serving.operations.elsewhere import Elsewhere
from services.serving.operations.facts import Facts, LabelItem, ProtectedItem
from services.serving.operations.replies import Answer, Answers

__all__ = [
    "PLAIN",
    "Answer",
    "Answers",
    "Card",
    "Elsewhere",
    "Facts",
    "LabelItem",
    "Options",
    "ProtectedItem",
    "Serving",
]
