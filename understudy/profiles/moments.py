"""Mean and standard deviation from sums that add.

Formula: with d = x - c for a fixed centre c (the reference's mean), keep n, Σd, Σd². Then
mean = c + Σd/n and s² = (Σd² - (Σd)²/n) / (n - 1).
Source: Chan, Golub & LeVeque, "Algorithms for computing the sample variance", 1983 (shifted data).
Guarantee: merging is adding, so the order does not matter; no cancellation while the live mean is
within some orders of magnitude of the reference's spread. What it can't do: quantiles.
"""

import math
from dataclasses import dataclass

import numpy as np

from understudy.profiles.arrays import Floats

SUMS = 3
"""How many numbers are kept: n, Σd, Σd²."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Of the values that are there: how many, mean and sample standard deviation."""

    rows: int
    mean: float | None = None
    standard_deviation: float | None = None


def shifted_sums(values: Floats, centre: float) -> Floats:
    """n, Σd, Σd² of the values that are finite."""
    shifted = values[np.isfinite(values)] - centre
    return np.array([shifted.size, shifted.sum(), shifted @ shifted])


def no_sums() -> Floats:
    """The sums of no values."""
    return np.zeros(SUMS)


def moments(sums: Floats, centre: float) -> Moments:
    """Read mean and standard deviation off the sums; absent where there are too few values."""
    n, first, second = (float(value) for value in sums)
    if n < 1:
        return Moments(0)
    deviation = None if n < 2 else math.sqrt(max(0.0, second - first * first / n) / (n - 1))
    return Moments(int(n), centre + first / n, deviation)
