"""Evidence that a share of rows (missing, unseen, out of range) is above what a reference allows.

Formula: E = mean over p₁ > p₀ of (p₁/p₀)^k·((1 - p₁)/(1 - p₀))^(n - k) for k bad rows of n, where
p₀ is the reference's upper confidence limit for the share plus a tolerance. Of m reference rows h
are hits: missing ones are counted; out of range the smallest and largest value are 1 together,
since the share beyond both is distributed as Beta(2, m - 1); unseen is every value that occurs
once (Good-Turing: h/m is what one row more finds new). The limit is the quantile 1 - chance of
Beta(h + 1, m - h); for unseen values h/m + z·√(h + 2·f₂)/m where that is more, with f₂ values that
occur twice, since h and what was not seen scatter against each other.
Source: Clopper & Pearson (1934) and Wilks, "Determination of sample sizes for setting tolerance
limits" (1941), for the limits; Good, "The population frequencies of species", 1953, and Esty, "A
normal limit law for a nonparametric estimator of the coverage of a random sample", 1983, for
unseen values; Wald (1945) for the likelihood ratio, which is monotone in the share, so that the
null's worst case is p₀ itself.
Guarantee: an e-process for every share up to p₀: at any stopping time its mean is at most 1. The
limit of unseen values is asymptotic (measured in `docs/statistics/drift.md`), others are exact.
Assumes: rows are exchangeable; counts divided by a design effect make it a working likelihood.
A value that came in one cluster of rows alone does not count as one that occurs once.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, ndtri

from understudy.profiles.arrays import Floats

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


def share_test(hits: Floats, twins: Floats, rows: Floats, chance: float) -> ShareTest:
    """From the reference's counts: (strata, shares) each. Twins are rows whose value occurs twice.

    `chance` is that of a limit being too low.
    """
    exact = betaincinv(hits + 1.0, np.maximum(rows - hits, 1e-9), 1.0 - chance)
    spread = float(ndtri(1.0 - chance)) * np.sqrt(hits + twins)
    wide = np.where(twins > 0, (hits + spread) / np.maximum(rows, 1.0), 0.0)
    limits = np.clip(np.maximum(exact, wide) + TOLERANCE, TOLERANCE, 1.0 - 1e-6)
    grown = np.minimum(np.multiply.outer(GROWTHS, limits), 0.5 + 0.5 * limits)
    return ShareTest(limits, np.log(grown / limits), np.log((1.0 - grown) / (1.0 - limits)))
