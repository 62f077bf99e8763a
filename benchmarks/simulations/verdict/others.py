"""Rules that others decide by, at every look: a threshold, a t-test, a t-test shared over looks."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from benchmarks.simulations.verdict.wealth import LOOK, first, running_sums
from understudy.profiles.arrays import Floats

MINIMUM: Final = 100
THRESHOLD_MINIMUM: Final = 500


@dataclass(frozen=True, slots=True)
class Called:
    """Labels at the first look at which a rule promoted, or rejected."""

    better: Floats
    worse: Floats


def threshold(differences: Floats) -> Called:
    """Promote once the mean is above 0 with 500 labels or more; as Argo and Flagger gate."""
    mean, _ = _moments(differences)
    return _called(mean > 0, np.zeros_like(mean, dtype=bool), THRESHOLD_MINIMUM)


def t_test(differences: Floats, alpha: float = 0.05) -> Called:
    """The ordinary two-sided test, at each look anew."""
    mean, error = _moments(differences)
    limit = float(norm.isf(alpha / 2)) * error
    return _called(mean > limit, mean < -limit, MINIMUM)


def bonferroni(differences: Floats, alpha: float = 0.05) -> Called:
    """The same at α over the number of looks, which must be known beforehand."""
    return t_test(differences, alpha / math.floor(differences.shape[1] / LOOK))


def _moments(differences: Floats) -> tuple[Floats, Floats]:
    """Mean and its standard error at each look."""
    labels = LOOK * np.arange(1, differences.shape[1] // LOOK + 1)
    mean = running_sums(differences) / labels
    variance = np.maximum(running_sums(differences**2) / labels - mean**2, 1e-12)
    return mean, np.sqrt(variance / labels)


def _called(better: NDArray[np.bool_], worse: NDArray[np.bool_], minimum: int) -> Called:
    return Called(first(better, minimum), first(worse, minimum))
