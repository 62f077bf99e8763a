"""Rows at the edges of what a signature allows: where a compiled model is likely to go astray.

Each edge is one value put into a row of the reference sample.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from understudy.contracts.signature import Feature, Signature
from understudy.contracts.vocabulary import FeatureKind
from understudy.inference.rows import Rows, joined

HUGE: Final = 1e300
"""More than float32 holds. A policy may let in what is beyond a feature's bounds."""
UNSEEN_TEXTS: Final = ("", "\N{BULLET} not in the sample", "nan", "None")
_MOST_SAMPLE: Final = 2_000
_MOST_AT_THRESHOLDS: Final = 12_000
_MOST_TEXTS: Final = 200
_BASE: Final = 32

Value = float | str | None


@dataclass(frozen=True, slots=True)
class Block:
    """Rows of one kind."""

    name: str
    rows: Rows
    figures: bool = True
    """Whether answers are compared, and not only what is refused."""


def blocks(
    signature: Signature,
    sample: Rows,
    thresholds: Mapping[str, NDArray[np.float64]],
    known: Mapping[str, Sequence[str]],
) -> tuple[Block, ...]:
    """The sample (thinned), then its edges; blocks without rows are left out.

    `thresholds`: where trees split, by numeric feature. `known`: the values that an encoder was
    fitted with, by category.
    """
    drawn = _thinned(sample, _MOST_SAMPLE)
    edges = _Edges(signature, drawn)
    found = (
        Block("the reference sample", drawn),
        Block("its extremes", edges.of(edges.extremes)),
        Block("where trees split", edges.of(lambda f: edges.around(thresholds.get(f.name)))),
        Block("categories", edges.of(lambda f: _categories(f, known.get(f.name, ())))),
        Block("unseen categories", edges.of(_unseen)),
        Block("missing values", edges.missing()),
        Block("huge numbers", edges.of(_huge)),
        # As far beyond its bounds a model answers anything: neighbours are all equally far away.
        Block("huge numbers beyond bounds", edges.beyond(), figures=False),
    )
    return tuple(block for block in found if len(block.rows))


class _Edges:
    def __init__(self, signature: Signature, sample: Rows) -> None:
        self._signature = signature
        self._sample = sample
        self._base = _thinned(sample, _BASE)
        self._budget = max(8, _MOST_AT_THRESHOLDS // len(signature.features))
        self._positions = _positions(signature)

    def of(self, values: Callable[[Feature], Iterable[Value]]) -> Rows:
        """One row for each legal value of each feature."""
        changes: list[dict[str, Value]] = []
        for feature in self._signature.features:
            legal = (value for value in values(feature) if _legal(feature, value))
            changes += [{feature.name: value} for value in dict.fromkeys(legal)]
        return self.rows(changes)

    def missing(self) -> Rows:
        """Each feature that may be null as null, then all of them."""
        names = [feature.name for feature in self._signature.features if feature.nullable]
        each: list[dict[str, Value]] = [{name: None} for name in names]
        return self.rows(each + ([dict.fromkeys(names)] if names else []))

    def beyond(self) -> Rows:
        """Each number that is bounded as huge as a policy that lets it in allows."""
        return self.rows(
            [
                {feature.name: value}
                for feature in self._signature.features
                for value in _huge(feature)
                if not _legal(feature, value)
            ]
        )

    def rows(self, changes: Sequence[Mapping[str, Value]]) -> Rows:
        """Rows of the sample in turn, each with some values changed."""
        places = np.arange(len(changes)) % len(self._base)
        numbers = self._base.numbers[places].copy()
        texts = [[column[place] for place in places] for column in self._base.texts]
        for row, change in enumerate(changes):
            for name, value in change.items():
                numeric, place = self._positions[name]
                if numeric:
                    numbers[row, place] = np.nan if value is None else value
                else:
                    texts[place][row] = None if value is None else str(value)
        return Rows(numbers, tuple(texts))

    def extremes(self, feature: Feature) -> Iterator[float]:
        """Of the legal range and of the sample, and what is next to them and beyond."""
        if not feature.numeric:
            return
        column = self._sample.numbers[:, self._positions[feature.name][1]]
        seen = column[~np.isnan(column)]
        low, high = (seen.min(), seen.max()) if len(seen) else (0.0, 1.0)
        reach = 10.0 * (high - low) + 1.0
        ends = [feature.minimum, feature.maximum, low, high, low - reach, high + reach, 0.0, -0.0]
        for end in ends:
            if end is not None:
                yield from (float(np.rint(end)), *_neighbours(float(end)))

    def around(self, thresholds: NDArray[np.float64] | None) -> Iterator[float]:
        """At, just below and just above the numbers at which trees part, in both precisions."""
        if thresholds is None or not len(thresholds):
            return
        most = max(1, self._budget // 7)
        drawn = np.unique(np.linspace(0, len(thresholds) - 1, most).astype(int))
        for threshold in thresholds[drawn].tolist():
            yield float(np.floor(threshold))  # of whole numbers, the nearest
            yield float(np.ceil(threshold))
            yield from _neighbours(threshold)
            rounded = np.float32(threshold)
            yield float(rounded)
            yield float(np.nextafter(rounded, np.float32(np.inf)))


def _categories(feature: Feature, known: Sequence[str]) -> Iterator[str]:
    """Every choice of a category and every value that an encoder knows."""
    if not feature.numeric:
        yield from list(dict.fromkeys((*feature.choices, *known)))[:_MOST_TEXTS]


def _unseen(feature: Feature) -> Iterator[str]:
    if not feature.numeric and feature.open_choices:
        yield from UNSEEN_TEXTS


def _huge(feature: Feature) -> Iterator[float]:
    if feature.kind in {FeatureKind.NUMBER, FeatureKind.INTEGER}:
        yield from (HUGE, -HUGE)


def _neighbours(value: float) -> Iterator[float]:
    yield from (value, float(np.nextafter(value, -np.inf)), float(np.nextafter(value, np.inf)))


def _legal(feature: Feature, value: Value) -> bool:
    if not feature.numeric:
        return feature.open_choices or value in feature.choices
    number = float(value or 0.0)
    if feature.kind is FeatureKind.BOOLEAN:
        return number in {0.0, 1.0}
    if feature.kind is FeatureKind.INTEGER and not number.is_integer():
        return False
    low = -np.inf if feature.minimum is None else feature.minimum
    high = np.inf if feature.maximum is None else feature.maximum
    return bool(np.isfinite(number)) and low <= number <= high


def _positions(signature: Signature) -> dict[str, tuple[bool, int]]:
    """Of each feature: whether it is among the numbers, and its place there or among the texts."""
    found: dict[str, tuple[bool, int]] = {}
    counts = {True: 0, False: 0}
    for feature in signature.features:
        found[feature.name] = feature.numeric, counts[feature.numeric]
        counts[feature.numeric] += 1
    return found


def _thinned(rows: Rows, most: int) -> Rows:
    """At most so many rows, evenly drawn."""
    if len(rows) <= most:
        return rows
    places = np.linspace(0, len(rows) - 1, most).astype(int).tolist()
    return joined([rows.part(place, place + 1) for place in places])
