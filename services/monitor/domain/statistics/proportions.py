"""Where a share lies, valid however often one looks: a confidence sequence for a Bernoulli rate.

Formula: with s successes and f failures the evidence against a rate p is
B(s + 1, f + 1) / (p^s·(1 - p)^f); the sequence holds every p whose evidence is below 1/α.
Source: Robbins, "Statistical methods related to the law of the iterated logarithm", 1970 (the
mixture over all rates); Ville's inequality.
Guarantee: the chance that the true rate is ever outside is at most α, at any number of looks.
Depends on counts alone. Assumes: each row succeeds with the same chance, given what came before.
"""

import math
from collections.abc import Callable
from typing import Final

_HALVINGS: Final = 60


def confidence_sequence(successes: int, rows: int, alpha: float) -> tuple[float, float]:
    """Lower and upper end."""
    if rows == 0:
        return 0.0, 1.0
    failures, rate = rows - successes, successes / rows
    log_beta = math.lgamma(successes + 1) + math.lgamma(failures + 1) - math.lgamma(rows + 2)
    limit = log_beta + math.log(alpha)

    def outside(p: float) -> bool:
        likelihood = _weighed(successes, p) + _weighed(failures, 1.0 - p)
        return likelihood <= limit

    low = _boundary(rate, 0.0, outside) if outside(0.0) else 0.0
    high = _boundary(rate, 1.0, outside) if outside(1.0) else 1.0
    return low, high


def _weighed(count: int, share: float) -> float:
    if count == 0:
        return 0.0
    return count * math.log(share) if share > 0 else -math.inf


def _boundary(inside: float, beyond: float, outside: Callable[[float], bool]) -> float:
    """Between a point within and one outside, by halving; ends outside, so that it errs wide."""
    for _ in range(_HALVINGS):
        middle = (inside + beyond) / 2
        if outside(middle):
            beyond = middle
        else:
            inside = middle
    return beyond
