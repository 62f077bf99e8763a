"""Bounded values as counts on a fine grid, so that statistics of them add, subtract and agree.

Formula: a value x in [-1, 1] is counted at the integer nearest to x·2^14.
Guarantee: counts are integers, so sums are the same bit for bit whatever the order, the split or
the repetition of additions and subtractions. A counted value is off by at most `HALF_STEP`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from understudy.profiles.arrays import Counts, Floats

STEPS: Final = 2**14
HALF_STEP: Final = 0.5 / STEPS


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """How often each grid value occurs: ascending places, none of them with count 0."""

    places: Counts
    counts: Counts

    def __add__(self, other: "Spectrum") -> "Spectrum":
        return _collected(
            np.concatenate([self.places, other.places]), np.concatenate([self.counts, other.counts])
        )

    def __neg__(self) -> "Spectrum":
        return Spectrum(self.places, -self.counts)

    def __sub__(self, other: "Spectrum") -> "Spectrum":
        return self + -other

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Spectrum)
            and np.array_equal(self.places, other.places)
            and np.array_equal(self.counts, other.counts)
        )

    def __hash__(self) -> int:
        return hash((self.places.tobytes(), self.counts.tobytes()))

    @property
    def rows(self) -> int:
        """How many values were counted."""
        return int(self.counts.sum())

    @property
    def values(self) -> Floats:
        """The grid values that occur, in [-1, 1]."""
        return self.places / STEPS

    @property
    def mean(self) -> float:
        """Of the counted values; NaN without any."""
        return float(self.counts @ self.values) / self.rows if self.rows else float("nan")

    @property
    def variance(self) -> float:
        """Of the counted values, by n; NaN without any."""
        if not self.rows:
            return float("nan")
        return float(self.counts @ (self.values - self.mean) ** 2) / self.rows

    def sparse(self) -> dict[int, int]:
        """As a mapping from place to count: how evidence is told."""
        return dict(zip(self.places.tolist(), self.counts.tolist(), strict=True))


def no_spectrum() -> Spectrum:
    """Of no values."""
    nothing = np.zeros(0, dtype=np.int64)
    return Spectrum(nothing, nothing)


def spectrum(values: Floats) -> Spectrum:
    """Count values; what lies beyond [-1, 1] counts as its end. NaN is not allowed."""
    at = np.rint(np.clip(values, -1.0, 1.0) * STEPS).astype(np.int64)
    places, counts = np.unique(at, return_counts=True)
    return Spectrum(places, counts.astype(np.int64))


def read_spectrum(sparse: Mapping[int, int]) -> Spectrum:
    """The inverse of `Spectrum.sparse`."""
    places = np.array(sorted(sparse), dtype=np.int64)
    return Spectrum(places, np.array([sparse[int(at)] for at in places], dtype=np.int64))


def _collected(places: Counts, counts: Counts) -> Spectrum:
    unique, at = np.unique(places, return_inverse=True)
    summed = np.zeros(unique.size, dtype=np.int64)
    np.add.at(summed, at, counts)
    kept = summed != 0
    return Spectrum(unique[kept], summed[kept])
