"""What the model answers on average when one feature is set to a value in every row."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from services.registry.adapters.reviewing.asking_time import affordable
from services.registry.adapters.reviewing.explaining_asking import (
    class_to_show,
    legal_places,
    shown,
)
from services.registry.adapters.reviewing.subject import LeftOutError, Subject
from understudy.contracts.reviews import Dependence
from understudy.contracts.signature import Feature, Signature
from understudy.contracts.vocabulary import FeatureKind
from understudy.inference.rows import Rows
from understudy.inference.scored import Floats

MOST_FEATURES: Final = 8
MOST_VALUES: Final = 20
MOST_NAMES: Final = 12
MOST_ROWS: Final = 300
_MOST_LOOKED_AT: Final = 20_000
"""Rows that values and their density are taken from."""
_FEWEST_ROWS: Final = 20
_OF_ALL_TIME: Final = 1 / 15
_MIDDLE: Final = (0.1, 0.9)
_RANGE: Final = (0.01, 0.99)


@dataclass(frozen=True, slots=True, eq=False)
class _Grid:
    """Values that a feature is set to, and the share of rows near each."""

    density: tuple[float, ...]
    values: tuple[float, ...] | None = None
    names: tuple[str, ...] | None = None


def dependences_of(subject: Subject, ranked: Sequence[str]) -> tuple[Dependence, ...]:
    """Partial dependence of the eight features that matter most, in that order.

    Source: J. Friedman, Greedy Function Approximation, Annals of Statistics 29, 2001. At most 20
    values that occur, at quantiles between the 1 % and the 99 % one (all of them of a number that
    takes no more; the 12 commonest of a category), each set in the same at most 300 rows of the
    held sample. Numbers are shown as answered, of two classes the positive one's probability, of
    several the probability (`label` says whose) that varies most between the rows, and of a
    classifier without probabilities the share of rows in which that class is answered.

    Assumes that a feature can be set without the others: where features hang together, rows are
    asked that do not occur. Raises LeftOutError when the model can't be asked so at all.
    """
    held, signature = subject.held, subject.signature
    names = [*ranked, *(name for name in signature.names if name not in ranked)][:MOST_FEATURES]
    looked = held.rows.at(legal_places(held, _MOST_LOOKED_AT))
    seconds = subject.task.seconds * _OF_ALL_TIME
    places, times = legal_places(held, MOST_ROWS), MOST_VALUES * len(names)
    places = affordable(subject.runner, held.rows, places, seconds, times=times, least=_FEWEST_ROWS)
    rows = held.rows.at(places)
    place = class_to_show(subject, rows)
    found = []
    for name in names:
        grid = _grid(looked, signature, name)
        answered = None if grid is None else _answered(subject, rows, grid, name, place)
        if grid is not None and answered is not None:
            found.append(_dependence(subject, grid, name, answered, place))
    if not found:
        raise LeftOutError("the model refuses rows in which one feature was set to another value")
    return tuple(found)


def _dependence(
    subject: Subject, grid: _Grid, name: str, answered: Floats, place: int | None
) -> Dependence:
    low, high = np.quantile(answered, _MIDDLE, axis=1)
    return Dependence(
        feature=name,
        values=grid.values,
        names=grid.names,
        answers=tuple(answered.mean(axis=1).tolist()),
        low=tuple(low.tolist()),
        high=tuple(high.tolist()),
        density=grid.density,
        label=None if place is None else subject.signature.target.classes[place],
    )


def _answered(
    subject: Subject, rows: Rows, grid: _Grid, name: str, place: int | None
) -> Floats | None:
    """Values × rows; None where the model refuses."""
    count = len(grid.density)
    tiled = rows.at(np.tile(np.arange(len(rows)), count))
    try:
        scored = subject.runner.score(_set(tiled, subject.signature, grid, name))
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - a model refuses in whatever way it likes
        return None
    return shown(scored, place).reshape(count, len(rows))


def _set(rows: Rows, signature: Signature, grid: _Grid, name: str) -> Rows:
    """Rows, of which the first part has the first value, and so on."""
    feature, column = column_of(signature, name)
    each = len(rows) // len(grid.density)
    if feature.numeric:
        numbers = rows.numbers.copy()
        numbers[:, column] = np.repeat(np.array(grid.values), each)
        return Rows(numbers, rows.texts)
    texts = list(rows.texts)
    texts[column] = [text for text in grid.names or () for _ in range(each)]
    return Rows(rows.numbers, tuple(texts))


def column_of(signature: Signature, name: str) -> tuple[Feature, int]:
    """A feature, and its place among the numbers or the texts of rows."""
    place = signature.names.index(name)
    feature = signature.features[place]
    return feature, sum(other.numeric is feature.numeric for other in signature.features[:place])


def _grid(rows: Rows, signature: Signature, name: str) -> _Grid | None:
    """None for a feature without a value."""
    feature, column = column_of(signature, name)
    if feature.numeric:
        return _of_numbers(rows.numbers[:, column], feature.kind)
    return _of_names(rows.texts[column])


def _of_numbers(column: Floats, kind: FeatureKind) -> _Grid | None:
    present = column[np.isfinite(column)]
    if not present.size:
        return None
    values = np.unique(present)
    few = kind in {FeatureKind.INTEGER, FeatureKind.BOOLEAN} and values.size <= MOST_VALUES
    if not few:
        levels = np.linspace(*_RANGE, MOST_VALUES)
        # A value that occurs, not one between two: whole numbers stay whole.
        values = np.unique(np.quantile(present, levels, method="inverted_cdf"))
    nearest = np.searchsorted((values[1:] + values[:-1]) / 2, present)
    counts = np.bincount(nearest, minlength=values.size)
    return _Grid(tuple((counts / column.size).tolist()), values=tuple(values.tolist()))


def _of_names(column: Sequence[str | None]) -> _Grid | None:
    counts = Counter(text for text in column if text is not None)
    # Among equally common ones the order of the alphabet, whatever the order of rows.
    commonest = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_NAMES]
    if not commonest:
        return None
    density = tuple(count / len(column) for _, count in commonest)
    return _Grid(density, names=tuple(name for name, _ in commonest))
