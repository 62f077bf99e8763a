"""Where the reference puts its bin edges, and counting values into them.

A tally is one vector per feature: missing, outside low (or unseen), outside high, then the bins.
Every part of it adds, so tallies of any rows merge: shape statistics read the bins, data-quality
statistics the first three. Quantile bins follow the reference's mass; a number that takes few
values gets a bin per value, with edges half-way between neighbours.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from understudy.profiles.arrays import Categories, Counts, Floats, zeros

MISSING: Final = 0
BELOW: Final = 1
UNSEEN: Final = 1
ABOVE: Final = 2
FIRST_BIN: Final = 3

QUANTILE_BINS: Final = 10
DISCRETE_VALUES: Final = 20
"""A number with at most so many values in the reference gets a bin for each."""
MOST_CATEGORIES: Final = 50
OTHER: Final = "other"


@dataclass(frozen=True, slots=True, eq=False)
class NumberBins:
    """Bins between ascending edges; the outer edges are the reference's minimum and maximum."""

    edges: Floats

    @property
    def width(self) -> int:
        """Length of a tally."""
        return FIRST_BIN + self.edges.size - 1

    @property
    def names(self) -> tuple[float, ...]:
        """The edges, one more than bins."""
        return tuple(float(edge) for edge in self.edges)

    def tally(self, values: Floats) -> Counts:
        """Count values; NaN is missing. A value on an inner edge belongs to the bin above it."""
        bounds = self.edges.copy()
        bounds[-1] = np.nextafter(bounds[-1], np.inf)
        # NaN sorts behind every number, hence beyond the last bound: take it out of `above` again.
        found = np.bincount(
            np.searchsorted(bounds, values, side="right"), minlength=bounds.size + 1
        )
        missing = int(np.isnan(values).sum())
        head = (missing, found[0], found[-1] - missing)
        return np.concatenate([np.array(head, dtype=np.int64), found[1:-1]])

    def places(self, values: Floats) -> NDArray[np.intp]:
        """Where in a tally each value is counted."""
        bounds = self.edges.copy()
        bounds[-1] = np.nextafter(bounds[-1], np.inf)
        found = np.searchsorted(bounds, values, side="right")
        inside = np.where(found == bounds.size, ABOVE, found + (FIRST_BIN - 1))
        outside = np.where(np.isnan(values), MISSING, np.where(found == 0, BELOW, inside))
        return np.asarray(outside, dtype=np.intp)


@dataclass(frozen=True, slots=True, eq=False)
class CategoryBins:
    """A bin for each frequent category of the reference, one for its rare ones."""

    categories: tuple[str, ...]
    rare: frozenset[str] = frozenset()

    @property
    def width(self) -> int:
        """Length of a tally."""
        return FIRST_BIN + len(self.names)

    @property
    def names(self) -> tuple[str, ...]:
        """The categories, and what the rare ones are called together."""
        return (*self.categories, OTHER) if self.rare else self.categories

    def tally(self, values: Categories) -> Counts:
        """Count values; None is missing, what the reference does not hold is unseen."""
        places = self._places()
        counts = zeros(self.width)
        for value, rows in Counter(values).items():
            counts[self._place(value, places)] += rows
        return counts

    def places(self, values: Categories) -> NDArray[np.intp]:
        """Where in a tally each value is counted."""
        places = self._places()
        known = {value: self._place(value, places) for value in set(values)}
        return np.array([known[value] for value in values], dtype=np.intp)

    def _places(self) -> dict[str, int]:
        return {category: FIRST_BIN + at for at, category in enumerate(self.categories)}

    def _place(self, value: str | None, places: Mapping[str, int]) -> int:
        if value is None:
            return MISSING
        return self.width - 1 if value in self.rare else places.get(value, UNSEEN)


Bins = NumberBins | CategoryBins


def places_in(bins: Bins, values: Floats | list[str | None]) -> NDArray[np.intp]:
    """Where in a tally each value is counted; all are missing when they are of another kind."""
    if isinstance(bins, NumberBins) and isinstance(values, np.ndarray):
        return bins.places(values)
    if isinstance(bins, CategoryBins) and isinstance(values, list):
        return bins.places(values)
    return np.full(len(values), MISSING, dtype=np.intp)


def number_bins(values: Floats) -> NumberBins | None:
    """Bins of a reference's finite values; None when it has none."""
    present = values[np.isfinite(values)]
    if present.size == 0:
        return None
    distinct = np.unique(present)
    if distinct.size <= DISCRETE_VALUES:
        between = (distinct[:-1] + distinct[1:]) / 2
        return NumberBins(np.concatenate([distinct[:1], between, distinct[-1:]]))
    return NumberBins(np.unique(np.quantile(present, np.linspace(0, 1, QUANTILE_BINS + 1))))


def category_bins(values: Categories) -> CategoryBins | None:
    """Bins of a reference's categories, the most frequent first; None when it has none."""
    found = Counter(value for value in values if value is not None)
    ranked = sorted(found, key=lambda category: (-found[category], category))
    if not ranked:
        return None
    return CategoryBins(tuple(ranked[:MOST_CATEGORIES]), frozenset(ranked[MOST_CATEGORIES:]))
