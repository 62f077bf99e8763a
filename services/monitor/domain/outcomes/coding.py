"""From what versions and labellers said to the signature's terms: class indices, or numbers.

A class is matched by type and value first (True, 1 and 1.0 are different labels), then as a number
of either kind, then by its name: that is how a label survives CSV files and class columns of NumPy.
"""

from collections.abc import Sequence

import numpy as np

from services.monitor.domain.outcomes.facts import Answers
from services.monitor.domain.rows import Responses
from understudy.contracts.signature import Target
from understudy.contracts.vocabulary import Label, Task, class_name
from understudy.profiles.arrays import Floats

_SUM_TOLERANCE = 1e-3
"""Probabilities that don't sum to 1 within this are none; float32 is off by 1e-6."""


class Codes:
    """The target's classes by everything that may stand for them."""

    def __init__(self, target: Target) -> None:
        self._regression = target.task is Task.REGRESSION
        self._classes = target.classes
        self._exact: dict[tuple[type, Label], int] = {}
        self._numbers: dict[float, int] = {}
        self._names: dict[str, int] = {}
        for index, label in enumerate(target.classes):
            self._exact.setdefault((type(label), label), index)
            self._names.setdefault(class_name(label), index)
            if _is_number(label):
                self._numbers.setdefault(label, index)  # type: ignore[arg-type]

    def label(self, label: Label) -> float | None:
        """The class's index, or the number; None for what the target can't be."""
        if self._regression:
            return _finite(label) if _is_number(label) else None
        index = self._exact.get((type(label), label))
        if index is None and _is_number(label):
            index = self._numbers.get(label)  # type: ignore[arg-type]
        if index is None:
            index = self._names.get(class_name(label))
        return None if index is None else float(index)

    def answers(self, responses: Responses) -> Answers:
        """Of rows that were all asked. What is no answer in these terms is NaN."""
        values = np.where(np.isfinite(responses.values), responses.values, np.nan)
        asked = np.ones(values.size, dtype=bool)
        if self._regression:
            return Answers(values, None, asked)
        indices = [self._index(label) for label in responses.classes]
        if responses.probabilities is None:
            return Answers(_recoded(values, indices), None, asked)
        chances = self._reordered(responses.probabilities, indices)
        values = np.where(_proper(chances), _recoded(values, indices), np.nan)
        chances[np.isnan(values)] = np.nan
        return Answers(values, np.clip(chances, 0.0, 1.0), asked)

    def _index(self, label: Label) -> float:
        found = self.label(label)
        return np.nan if found is None else found

    def _reordered(self, probabilities: Floats, indices: Sequence[float]) -> Floats:
        """One column per class of the target; what a version does not know has probability 0."""
        if list(indices) == list(range(len(self._classes))):
            return probabilities.copy()
        chances = np.zeros((probabilities.shape[0], len(self._classes)))
        for column, index in enumerate(indices):
            if np.isfinite(index):
                chances[:, int(index)] += probabilities[:, column]
        return chances


def _recoded(values: Floats, indices: Sequence[float]) -> Floats:
    coded = np.full(values.size, np.nan)
    there = np.isfinite(values)
    coded[there] = np.array([*indices, np.nan])[values[there].astype(np.intp)]
    return coded


def _proper(chances: Floats) -> "np.typing.NDArray[np.bool_]":
    total = np.zeros(chances.shape[0])
    fits = np.ones(chances.shape[0], dtype=bool)
    # Column by column: whether a row is proper must not depend on which rows it came with.
    for column in chances.T:
        total += column
        fits &= (column >= -_SUM_TOLERANCE) & (column <= 1 + _SUM_TOLERANCE)
    return fits & (np.abs(total - 1.0) <= _SUM_TOLERANCE)


def _is_number(label: Label) -> bool:
    return isinstance(label, int | float) and not isinstance(label, bool)


def _finite(label: Label) -> float | None:
    try:
        number = float(label)
    except OverflowError:
        return None
    return number if np.isfinite(number) else None
