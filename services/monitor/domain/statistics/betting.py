"""Betting: evidence against "the mean is at most b" that is valid however often it is looked at.

Formula: for values x in [-1, 1] and a bound b, a bettor who stakes the share λ of its wealth has
Π(1 + λ·(x - b)/(1 + b)); the evidence is the mean of that wealth over a grid of stakes.
Source: Waudby-Smith & Ramdas, "Estimating means of bounded random variables by betting", 2024;
Ville's inequality. A uniform mixture over stakes needs no tuning.
Guarantee: while each value's mean given what came before is at most b, the chance that the evidence
ever reaches 1/α is at most α, at any number of looks and at any stopping time. Because the wealth
is a product over values, it depends on counts alone: order-free, mergeable, exact.
Assumes: what is said of the mean holds given the past. Values are counted on a grid (see
`spectrum`); half a step is taken off each, so that rounding can only weaken the evidence.
"""

from typing import Final

import numpy as np

from services.monitor.domain.statistics.spectrum import HALF_STEP, Spectrum
from understudy.profiles.arrays import Floats

STAKES: Final = np.exp(np.linspace(np.log(0.04), np.log(0.95), 24))


def log_evidence_above(spectrum: Spectrum, bound: float = 0.0) -> float:
    """Natural logarithm of the evidence that the mean lies above `bound`, in [0, 1)."""
    if not spectrum.rows:
        return 0.0
    return _log_wealth((spectrum.values - HALF_STEP - bound) / (1.0 + bound + HALF_STEP), spectrum)


def log_evidence_below(spectrum: Spectrum, bound: float = 0.0) -> float:
    """The same, that the mean lies below `-bound`."""
    mirrored = Spectrum(-spectrum.places, spectrum.counts)
    return log_evidence_above(mirrored, bound)


def log_evidence_within(spectrum: Spectrum, margin: float) -> float:
    """The same, that the mean lies within ±margin: the weaker of both sides (intersection-union).

    Formula: each side bets on x + margin, mirrored, scaled to [-1, 1].
    """
    if not spectrum.rows:
        return 0.0
    sides = (spectrum.values, -spectrum.values)
    return min(
        _log_wealth((side + margin - HALF_STEP) / (1.0 + margin), spectrum) for side in sides
    )


def log_evidence_of_share(bad: Floats, rows: Floats, bound: float) -> Floats:
    """Evidence that more than a share `bound` of `rows` is bad, for whole vectors of counts.

    Formula: as above with x = 1 for a bad row and 0 else, staked as (x - b)/max(b, 1 - b).
    """
    scale = max(bound, 1.0 - bound)
    won = np.log1p(STAKES * (1.0 - bound) / scale)
    lost = np.log1p(-STAKES * bound / scale)
    wealth = np.multiply.outer(bad, won) + np.multiply.outer(rows - bad, lost)
    return np.asarray(np.logaddexp.reduce(wealth, axis=-1) - np.log(STAKES.size))


def log_mean(logs: Floats) -> float:
    """The logarithm of the mean of what the logarithms are given of."""
    return float(np.logaddexp.reduce(logs) - np.log(logs.size))


def _log_wealth(staked: Floats, spectrum: Spectrum) -> float:
    return log_mean(np.log1p(np.multiply.outer(STAKES, staked)) @ spectrum.counts)
