"""Evidence that a share of rows (missing, unseen, out of range) is above what a reference allows.

Formula: E = mean over p₁ > p₀ of (p₁/p₀)^k·((1 - p₁)/(1 - p₀))^(n - k) for k bad rows of n, where
p₀ is the reference's upper confidence limit for the share plus a tolerance.
Source: Clopper & Pearson (1934) for the limit; Wald (1945) for the likelihood ratio, which is
monotone in the share, so that the null's worst case is p₀ itself.
Guarantee: an e-process for every share up to p₀: at any stopping time its mean is at most 1.
Assumes: rows are exchangeable; counts divided by a design effect make it a working likelihood.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from services.monitor.domain.arrays import Floats

TOLERANCE: Final = 0.005
"""Half a percent of rows is practically nothing."""
GROWTHS: Final = np.array([1.5, 2.5, 5.0, 12.0, 40.0])


@dataclass(frozen=True, slots=True, eq=False)
class ShareTest:
    """Several shares, for each of several strata (first axis) of the reference."""

    limits: Floats
    """p₀: (strata, shares)."""
    log_bad: Floats
    """ln(p₁/p₀): (growths, strata, shares)."""
    log_good: Floats

    def log_evidence(self, bad: Floats, rows: Floats, strata: NDArray[np.intp]) -> Floats:
        """Shape (pairs, shares) → the same."""
        good = rows - bad
        logs = bad * self.log_bad[:, strata] + good * self.log_good[:, strata]
        most = logs.max(axis=0)
        return np.asarray(most + np.log(np.exp(logs - most).mean(axis=0)))


def share_test(bad: Floats, rows: Floats, chance: float) -> ShareTest:
    """From the reference's counts: (strata, shares) each."""
    limits = betaincinv(bad + 1.0, np.maximum(rows - bad, 1e-9), 1.0 - chance) + TOLERANCE
    limits = np.clip(limits, TOLERANCE, 1.0 - 1e-6)
    grown = np.minimum(np.multiply.outer(GROWTHS, limits), 0.5 + 0.5 * limits)
    return ShareTest(limits, np.log(grown / limits), np.log((1.0 - grown) / (1.0 - limits)))
