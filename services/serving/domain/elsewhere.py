"""What can be an answer that was given elsewhere, in the terms of a signature."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from services.serving.domain.labels import answer_problem
from understudy.contracts.signature import Target
from understudy.contracts.vocabulary import Label, class_name

AHEAD_SECONDS: Final = 300.0
"""A teller's clock may be ahead by so much."""
OLDEST_SECONDS: Final = 30 * 86_400.0
ROUNDED: Final = 1e-3
"""Probabilities are told in few digits: their sum may be off by so much, and is made 1."""
_LONGEST_SECONDS: Final = 86_400.0


class ToldWronglyError(ValueError):
    """What is told can't be so; says which member and why, without the value."""


@dataclass(frozen=True, slots=True)
class Said:
    """What one version answered to one row."""

    value: float
    """The number, or the index of the class; NaN where the version failed."""
    probabilities: tuple[float, ...] | None
    """In the signature's order."""
    seconds: float
    """NaN where nobody measured them."""

    @property
    def failed(self) -> bool:
        """Whether there is no answer."""
        return math.isnan(self.value)


def said(
    target: Target,
    prediction: Label | None,
    probabilities: Mapping[str, float] | None,
    seconds: float | None,
) -> Said:
    """One version's answer. Raises ToldWronglyError."""
    if seconds is not None and not 0.0 <= seconds <= _LONGEST_SECONDS:
        raise ToldWronglyError("seconds: must be from 0 to a day")
    timed = math.nan if seconds is None else seconds
    if prediction is None:
        if probabilities is not None:
            raise ToldWronglyError("probabilities: there are none without a prediction")
        return Said(math.nan, None, timed)
    if (words := answer_problem(target, prediction)) is not None:
        raise ToldWronglyError(f"prediction: {words}")
    if not target.classes:
        if probabilities is not None:
            raise ToldWronglyError("probabilities: a regression has none")
        return Said(float(prediction), None, timed)
    value = float(target.classes.index(prediction))
    return Said(value, None if probabilities is None else _ordered(target, probabilities), timed)


def check_time(at: float, now: float) -> None:
    """Raises ToldWronglyError unless it may be when a prediction was made."""
    if at > now + AHEAD_SECONDS:
        raise ToldWronglyError(f"at: is more than {AHEAD_SECONDS / 60:.0f} minutes in the future")
    if at < now - OLDEST_SECONDS:
        raise ToldWronglyError(f"at: is more than {OLDEST_SECONDS / 86_400:.0f} days ago")


def _ordered(target: Target, told: Mapping[str, float]) -> tuple[float, ...]:
    names = [class_name(label) for label in target.classes]
    if told.keys() != {*names}:
        shown = ", ".join(names[:20])
        raise ToldWronglyError(f"probabilities: must have one member for each class: {shown}")
    found = [told[name] for name in names]
    if not all(0.0 <= share <= 1.0 for share in found):
        raise ToldWronglyError("probabilities: must be from 0 to 1")
    total = math.fsum(found)
    if abs(total - 1.0) > ROUNDED:
        raise ToldWronglyError("probabilities: their sum must be 1")
    return tuple(share / total for share in found)
