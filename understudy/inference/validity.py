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
_FEW: Final = 64
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
    """Whether `faults` would be empty, as quickly as can be: this is asked of every call.

    Of probabilities the smallest and the sum tell: one above 1 has others below 0, and what is not
    finite makes a sum that is not.
    """
    few = rows * max(1, classes) <= _FEW
    if not classes:
        return all(map(math.isfinite, scored.values.tolist())) if few else _finite(scored.values)
    found = scored.probabilities
    if few:
        known = _few_indices(scored.values, classes)
        return known and (found is None or _few_shares(found, tolerance(classes)))
    known = _many_indices(scored.values, classes)
    return known and (found is None or _many_shares(found, tolerance(classes)))


def _few_indices(values: Floats, classes: int) -> bool:
    for value in values.tolist():  # noqa: SIM110 - a generator costs more than what it looks at
        if not 0.0 <= value < classes or value % 1.0:
            return False
    return True


def _few_shares(found: Floats, least: float) -> bool:
    for row in found.tolist():
        if not -least <= sum(row) - 1.0 <= least or min(row) < -least:
            return False
    return True


def _many_indices(values: Floats, classes: int) -> bool:
    inside = values.min() >= 0.0 and values.max() < classes
    return bool(inside) and not np.mod(values, 1.0).any()


def _many_shares(found: Floats, least: float) -> bool:
    sums = found.sum(axis=1)
    return bool(sums.max() - 1.0 <= least and sums.min() - 1.0 >= -least and found.min() >= -least)


def _finite(values: Floats) -> bool:
    return bool(np.isfinite(values).all())
