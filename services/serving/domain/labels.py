"""Which labels can be the truth of a prediction."""

import math
from typing import Final

from services.serving.domain.ids import well_formed
from understudy.contracts.signature import Target
from understudy.contracts.vocabulary import PREDICTION_ID_PATTERN, Label, Task

_DAY: Final = 86_400.0
"""How far ahead of ours a clock may be."""
_BEYOND_INTEGERS: Final = 2**63
"""The log holds whole numbers of 64 bits."""


def label_problem(target: Target, prediction_id: str, label: Label) -> str | None:
    """Why the label can't be taken; None when it can."""
    if not well_formed(prediction_id):
        return f"prediction_id: must match {PREDICTION_ID_PATTERN}"
    words = answer_problem(target, label)
    return None if words is None else f"label: {words}"


def observation_problem(observed_at: float | None, now: float) -> str | None:
    """Why the truth can't have been seen then; None when it can. Seconds since the epoch."""
    if observed_at is None or 0.0 <= observed_at <= now + _DAY:
        return None
    return (
        "observed_at: must be between 1970 and now: when the outcome was seen, with its time zone"
    )


def answer_problem(target: Target, label: Label) -> str | None:
    """Why this is neither a class nor a number that the target may have; None when it is."""
    if target.task is Task.REGRESSION:
        return _number_problem(label)
    # 1 == True, but they are different labels.
    if any(label == known and type(label) is type(known) for known in target.classes):
        return None
    return f"must be one of {', '.join(map(repr, target.classes[:20]))}"


def _number_problem(label: Label) -> str | None:
    if type(label) is float and math.isfinite(label):
        return None
    if type(label) is not int:
        return "must be a finite number"
    if -_BEYOND_INTEGERS <= label < _BEYOND_INTEGERS:
        return None
    return "a whole number must fit 64 bits; write a larger one as a decimal, such as 1.5e30"
