"""Summing a regression's errors, exactly."""

from typing import Final

import numpy as np

from services.monitor.domain.outcomes.tallies import FIXED_POINT, NumberSums
from understudy.profiles.arrays import Floats

_FARTHEST: Final = 2.0**40
"""An error of more standard deviations than this counts as it: sums stay finite."""
_EXACT: Final = 2.0**62


def number_sums(values: Floats, labels: Floats, scale: float) -> NumberSums:
    """Of answered, labelled rows. An error is the predicted number less the true one."""
    if not values.size:
        return NumberSums()
    with np.errstate(over="ignore"):
        error, label = (values - labels) / scale, labels / scale
    absolute = np.abs(error)
    return NumberSums(
        error=total(fixed(error)),
        absolute=total(fixed(absolute)),
        absolute_squares=total(fixed(absolute, 2)),
        squared=total(fixed(error, 2)),
        squared_squares=total(fixed(error, 4)),
        label=total(fixed(label)),
        label_squares=total(fixed(label, 2)),
        pinball_10=total(fixed(_pinball(error, 0.1))),
        pinball_50=total(fixed(_pinball(error, 0.5))),
        pinball_90=total(fixed(_pinball(error, 0.9))),
    )


def fixed(scaled: Floats, power: int = 1) -> Floats:
    """A power of numbers in standard deviations, in whole units of 1/FIXED_POINT."""
    held = np.clip(scaled, -_FARTHEST, _FARTHEST)
    raised = held
    for _ in range(power - 1):  # a product is fixed by IEEE 754, a power function is not
        raised = raised * held
    return np.asarray(np.rint(raised * FIXED_POINT))


def total(units: Floats) -> int:
    """The exact sum of whole numbers, however large they are."""
    if np.abs(units).max(initial=0.0) * units.size < _EXACT:
        return int(units.astype(np.int64).sum())
    return sum(map(int, units.tolist()))


def _pinball(error: Floats, quantile: float) -> Floats:
    """Of a predicted quantile: what lies above it costs `quantile`, what lies below the rest."""
    return np.asarray(np.where(error < 0, -quantile * error, (1.0 - quantile) * error))
