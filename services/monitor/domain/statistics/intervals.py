"""Where a figure lies with 95 % confidence, each time it is looked at (not at all looks together).

Formula: a proportion: Wilson's score interval. A mean: mean ± z·s/√n. A figure within (0, 1) with a
standard error: normal on the logit scale. A sum of independent figures, or a difference: the method
of variance estimates recovery from the intervals of the parts, √(Σ (w·(value - limit))²) each way.
Source: Wilson (1927); Newcombe, "Interval estimation for the difference between independent
proportions", 1998 (method 10); Zou & Donner, "Construction of confidence limits about effect
measures", 2008.
Guarantee: about 95 % of intervals hold the truth; `benchmarks/simulations/quality.py` measures how
many. A mean has none below `FEWEST` rows.
Assumes: rows are independent and alike. Rows of one customer, or of one incident, are neither:
then intervals are too narrow.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

Z: Final = NormalDist().inv_cdf(0.975)
FEWEST: Final = 30


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure, and where it lies with 95 % confidence; limits are absent where none are sound."""

    value: float
    low: float | None = None
    high: float | None = None

    def mapped(self, change: Callable[[float], float]) -> "Interval":
        """Under a change that never falls."""
        if self.low is None or self.high is None:
            return Interval(change(self.value))
        return Interval(change(self.value), change(self.low), change(self.high))


def proportion(hits: int, rows: int, z: float = Z) -> Interval | None:
    """Wilson's interval; absent without rows."""
    if rows <= 0:
        return None
    share, square = hits / rows, z * z
    scale = 1 + square / rows
    middle = (share + square / (2 * rows)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / rows + square / (4 * rows * rows))
    return Interval(share, max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half)))


def shared_z(figures: int) -> float:
    """For intervals that hold all of so many figures at once (Bonferroni)."""
    return NormalDist().inv_cdf(1 - 0.025 / max(1, figures))


def mean(rows: int, value: float, variance: float) -> Interval | None:
    """Of n values with that mean and variance; absent without rows."""
    if rows <= 0:
        return None
    if rows < FEWEST:
        return Interval(value)
    half = Z * math.sqrt(max(variance, 0.0) / rows)
    return Interval(value, value - half, value + half)


def within_unit(value: float, error: float) -> Interval:
    """On the logit scale, from the standard error; only the value at the ends."""
    if not 0 < value < 1 or error <= 0:
        return Interval(value)
    logit, spread = math.log(value / (1 - value)), Z * error / (value * (1 - value))
    return Interval(value, _expit(logit - spread), _expit(logit + spread))


def average(parts: Iterable[Interval]) -> Interval | None:
    """The mean of independent figures; absent without any."""
    found = [*parts]
    if not found:
        return None
    weight = 1 / len(found)
    value = sum(part.value for part in found) * weight
    if any(part.low is None for part in found):
        return Interval(value)
    below = math.hypot(*(weight * (part.value - (part.low or 0.0)) for part in found))
    above = math.hypot(*(weight * ((part.high or 0.0) - part.value) for part in found))
    return Interval(value, value - below, value + above)


def difference(more: Interval, less: Interval) -> Interval:
    """Of two independent figures."""
    value = more.value - less.value
    if more.low is None or more.high is None or less.low is None or less.high is None:
        return Interval(value)
    below = math.hypot(more.value - more.low, less.high - less.value)
    above = math.hypot(more.high - more.value, less.value - less.low)
    return Interval(value, value - below, value + above)


def _expit(value: float) -> float:
    if value >= 0:
        return 1 / (1 + math.exp(-value))
    return math.exp(value) / (1 + math.exp(value))
