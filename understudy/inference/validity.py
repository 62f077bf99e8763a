"""Which answers are answers, whatever a model says. Main and challengers are held to the same."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from understudy.inference.errors import UnfitModelError
from understudy.inference.scored import Floats, Scored

Flags = NDArray[np.bool_]

TOLERANCE: Final = 1e-6
"""How far probabilities may be below 0, and their sum from 1, where classes are few."""
_ROUNDING: Final = 1.2e-7
"""For each class: what a sum of numbers in single precision may be off."""
_FEW: Final = 32
"""Up to so many figures Python is quicker than numpy at checking each."""
_NO_ANSWER: Final = "the model's answer is none"


def tolerance(classes: int) -> float:
    """How far probabilities of so many classes may be below 0, and their sum from 1."""
    return max(TOLERANCE, _ROUNDING * classes)


def check_answers(scored: Scored, rows: int, classes: int) -> None:
    """Raises UnfitModelError, which says what is wrong, unless every row has an answer.

    That is: a finite number, or the index of one of the classes; and where there are probabilities,
    from 0 to 1 and with the sum 1. `classes`: how many; 0 for a regression.
    """
    check_shapes(scored, rows, classes)
    if not _sound(scored, rows, classes):
        raise UnfitModelError(next((words for _, words in faults(scored, classes)), _NO_ANSWER))


def check_shapes(scored: Scored, rows: int, classes: int) -> None:
    """Raises UnfitModelError unless there is an answer for each row."""
    found = scored.probabilities
    if scored.values.shape != (rows,):
        raise UnfitModelError(f"the model answered in shape {scored.values.shape}, not {(rows,)}")
    if found is not None and found.shape != (rows, classes):
        raise UnfitModelError(
            f"the model gave probabilities in shape {found.shape}, not {(rows, classes)}"
        )


def faults(scored: Scored, classes: int) -> Sequence[tuple[Flags, str]]:
    """Which rows have no answer, and why, by reason; empty when all have. Shapes must be right."""
    if not classes:
        wrong = ~np.isfinite(scored.values)
        found = [(wrong, "the model answered with numbers that are not finite")]
    else:
        wrong = ~np.isin(scored.values, np.arange(classes))
        found = [(wrong, "the model answered with a class that it does not have")]
        if scored.probabilities is not None:
            found += _faults_of_probabilities(scored.probabilities, tolerance(classes))
    return [(rows, words) for rows, words in found if rows.any()]


def _faults_of_probabilities(found: Floats, least: float) -> list[tuple[Flags, str]]:
    finite = np.logical_and.reduce(np.isfinite(found), axis=1)
    known = np.where(finite.reshape(-1, 1), found, 0.0)
    outside = ((known < -least) | (known > 1.0 + least)).any(axis=1)
    apart = finite & (np.abs(known.sum(axis=1) - 1.0) > least)
    return [
        (~finite, "the model gave probabilities that are not finite"),
        (outside, "the model gave probabilities outside 0 to 1"),
        (apart, "the model gave probabilities whose sum is not 1"),
    ]


def _sound(scored: Scored, rows: int, classes: int) -> bool:
    """Whether `faults` would be empty, as quickly as can be: this is asked of every call."""
    if rows * max(1, classes) <= _FEW:
        return _few_sound(scored, classes)
    return not faults(scored, classes)


def _few_sound(scored: Scored, classes: int) -> bool:
    values = scored.values.tolist()
    if not classes:
        return all(map(math.isfinite, values))
    if not all(0.0 <= value < classes and value.is_integer() for value in values):
        return False
    if scored.probabilities is None:
        return True
    least = tolerance(classes)
    # What is not finite has a sum that is not finite; what is above 1 has others below 0.
    return all(
        -least <= sum(row) - 1.0 <= least and min(row) >= -least
        for row in scored.probabilities.tolist()
    )
