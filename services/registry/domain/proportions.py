"""Where a share, a difference of shares, and a ratio of shares lie.

Wilson's score interval (1927); Newcombe's difference, "Interval estimation for the difference
between independent proportions", 1998, method 10; the ratio by the same recovery of variances,
Donner and Zou, "Closed-form confidence intervals for functions of the normal mean and standard
deviation", 2012. All of them suppose independent rows.
"""

from collections.abc import Iterable
from math import hypot, sqrt
from statistics import NormalDist
from typing import Final

from understudy.contracts.reviews import Estimate

Z: Final = NormalDist().inv_cdf(0.975)


def shared_z(figures: int) -> float:
    """For intervals of 95 % that hold all of so many figures at once (Bonferroni)."""
    return NormalDist().inv_cdf(1.0 - 0.025 / max(1, figures))


def wilson(hits: float, rows: int, z: float = Z) -> Estimate | None:
    """Of hits among rows; None without rows."""
    if rows <= 0:
        return None
    share, square = min(1.0, max(0.0, hits / rows)), z * z
    scale = 1.0 + square / rows
    middle = (share + square / (2.0 * rows)) / scale
    half = z / scale * sqrt(share * (1.0 - share) / rows + square / (4.0 * rows * rows))
    return Estimate(share, max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half)))


def difference(more: Estimate, less: Estimate) -> Estimate:
    """Of two independent figures."""
    value = more.value - less.value
    if more.low is None or more.high is None or less.low is None or less.high is None:
        return Estimate(value)
    below = hypot(more.value - more.low, less.high - less.value)
    above = hypot(more.high - more.value, less.value - less.low)
    return Estimate(value, value - below, value + above)


def ratio(less: Estimate, more: Estimate) -> Estimate | None:
    """Of two independent figures that are not negative; None where the lower end of `more` is 0."""
    if less.low is None or less.high is None or not more.low or more.high is None:
        return None
    value, product = less.value / more.value, less.value * more.value

    def end(own: float, other: float, sign: float) -> float:
        inner = product * product - own * (2 * less.value - own) * other * (2 * more.value - other)
        divisor = other * (2 * more.value - other)
        if divisor <= 0.0:
            return 0.0 if sign < 0 else float("inf")
        return (product + sign * sqrt(max(inner, 0.0))) / divisor

    low, high = end(less.low, more.high, -1.0), end(less.high, more.low, 1.0)
    return Estimate(value, max(0.0, min(low, value)), max(high, value))


def near_end(estimate: Estimate) -> float:
    """Of a size that is 0 or more: what it is at least."""
    return estimate.value if estimate.low is None else estimate.low


def widest(sizes: Iterable[Estimate]) -> float:
    """The largest near end; 0 without any."""
    return max(map(near_end, sizes), default=0.0)
