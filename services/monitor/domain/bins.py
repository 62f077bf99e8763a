"""Where the reference puts its bin edges, and counting values into them.

A tally is one vector per feature: missing, outside low (or unseen), outside high, then the bins.
Every part of it adds, so tallies of any rows merge: shape statistics read the bins, data-quality
statistics the first three. Quantile bins follow the reference's mass; a number that takes few
values gets a bin per value, with edges half-way between neighbours.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np

from services.monitor.domain.arrays import Categories, Counts, Floats, zeros

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
        places = {category: FIRST_BIN + at for at, category in enumerate(self.categories)}
        counts = zeros(self.width)
        for value, rows in Counter(values).items():
            if value is None:
                counts[MISSING] += rows
            elif value in self.rare:
                counts[-1] += rows
            else:
                counts[places.get(value, UNSEEN)] += rows
        return counts


Bins = NumberBins | CategoryBins


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
