"""The interval of an area under a ROC curve."""

from math import sqrt
from statistics import NormalDist

_HALVINGS = 60


def auc_interval(
    auc: float, positives: int, negatives: int, level: float = 0.95
) -> tuple[float, float]:
    """Between which values the area probably is, from its estimate and the two classes' rows.

    R. G. Newcombe (2006), "Confidence intervals for an effect size measure based on the
    Mann–Whitney statistic. Part 2: asymptotic methods and evaluation", Statistics in Medicine 25,
    method 5: the values θ with |auc - θ| ≤ z·√V(θ), where V is Hanley and McNeil's variance made
    symmetric, V(θ) = θ(1-θ)·(1 + N·((1-θ)/(2-θ) + θ/(1+θ))) / (positives·negatives) and
    N = (positives + negatives)/2 - 1. Solved by bisection, so it stays within 0 and 1 and has a
    width at these two as well. It supposes that rows are independent of one another.

    Raises ValueError for an area outside 0 to 1, a class without rows, a level outside 0 to 1.
    """
    if not 0.0 <= auc <= 1.0:
        raise ValueError(f"an area is between 0 and 1, not {auc}")
    if positives < 1 or negatives < 1:
        raise ValueError(f"both classes need rows: {positives} positive, {negatives} negative")
    if not 0.0 < level < 1.0:
        raise ValueError(f"a level is between 0 and 1, not {level}")
    z = NormalDist().inv_cdf((1.0 + level) / 2.0)
    # What turns positives into negatives turns θ into 1-θ, and the variance stays.
    upper = 1.0 - _lower(1.0 - auc, positives, negatives, z)
    return _lower(auc, positives, negatives, z), upper


def _lower(auc: float, positives: int, negatives: int, z: float) -> float:
    low, high = 0.0, auc
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        if auc - middle > z * sqrt(_variance(middle, positives, negatives)):
            low = middle
        else:
            high = middle
    return low


def _variance(theta: float, positives: int, negatives: int) -> float:
    more = (positives + negatives) / 2.0 - 1.0
    spread = (1.0 - theta) / (2.0 - theta) + theta / (1.0 + theta)
    return theta * (1.0 - theta) * (1.0 + more * spread) / (positives * negatives)
