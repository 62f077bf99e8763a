"""What the mean of a distribution is below, from a sample of any size: a bound by betting.

Formula: the smallest b at which betting on "the mean is below b" over the sample's values x ≤ 1
reaches 1/risk: mean over stakes λ of Π (1 + λ·(b - x)/(1 - b)).
Source: Waudby-Smith & Ramdas, "Estimating means of bounded random variables by betting", 2024.
Guarantee: the chance that the mean is above the bound is at most `risk`, however few values there
are. Values are rounded up to a grid, so that rounding can only raise the bound.
Assumes: values are independent and alike, and none is above 1.
"""

from typing import Final

import numpy as np

from understudy.profiles.arrays import Floats

STAKES: Final = np.exp(np.linspace(np.log(0.005), np.log(0.95), 24))
"""Small ones are worth having: with many values a bound is close to their mean."""
GRID: Final = 256
"""Steps from 0 to 1."""
_HALVINGS: Final = 16


def upper_bound(values: Floats, risk: float, grid: int = GRID) -> float:
    """Of values in [-1, 1]."""
    places, counts = counted(np.ceil(values * grid), grid)
    low, high = float(counts @ places) / counts.sum(), 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        logs = np.log1p(np.multiply.outer(STAKES, (middle - places) / (1 - middle + 1e-9))) @ counts
        refuted = np.logaddexp.reduce(logs) - np.log(STAKES.size) >= -np.log(risk)
        low, high = (low, middle) if refuted else (middle, high)
    return float(high)


def counted(places: Floats, grid: int = GRID) -> tuple[Floats, Floats]:
    """Distinct values on the grid, and how often each occurs."""
    values, counts = np.unique(places, return_counts=True)
    return np.clip(values / grid, -1.0, 1.0), counts.astype(np.float64)
