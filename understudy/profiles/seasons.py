"""Seasons of the day and the week: which reference rows live rows are compared with. All in UTC."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from understudy.contracts.vocabulary import DriftStrata
from understudy.profiles.arrays import Counts, Floats

HOURS: Final = 168
"""Of a week."""
LEAST_ROWS: Final = 200
"""Of a stratum of the reference, for live rows to be compared with it alone."""

_HOUR: Final = 3_600
_MONDAY: Final = 72
"""Hours from the first Monday's midnight back to the epoch's, modulo a week: a Thursday."""
_COARSER: Final[Mapping[DriftStrata, DriftStrata]] = {
    DriftStrata.HOUR_OF_WEEK: DriftStrata.HOUR_OF_DAY,
    DriftStrata.HOUR_OF_DAY: DriftStrata.NONE,
    DriftStrata.DAY_OF_WEEK: DriftStrata.NONE,
}
_COUNTS: Final[Mapping[DriftStrata, int]] = {
    DriftStrata.NONE: 1,
    DriftStrata.HOUR_OF_DAY: 24,
    DriftStrata.DAY_OF_WEEK: 7,
    DriftStrata.HOUR_OF_WEEK: HOURS,
}


def hours_of_week(at: Floats) -> NDArray[np.intp]:
    """Of times in seconds since the epoch: 0 is the hour after midnight of a Monday."""
    hours = np.floor_divide(at, _HOUR).astype(np.intp) + _MONDAY
    return np.asarray(hours % HOURS)


def strata_of(hours: NDArray[np.intp], kind: DriftStrata) -> NDArray[np.intp]:
    """The stratum of each hour of the week."""
    if kind is DriftStrata.HOUR_OF_DAY:
        return np.asarray(hours % 24)
    if kind is DriftStrata.DAY_OF_WEEK:
        return np.asarray(hours // 24)
    return hours if kind is DriftStrata.HOUR_OF_WEEK else np.zeros_like(hours)


def by_stratum(by_hour: Counts, kind: DriftStrata) -> Counts:
    """Counts by hour of the week (first axis) summed to those of strata."""
    found = np.zeros((_COUNTS[kind], *by_hour.shape[1:]), dtype=by_hour.dtype)
    np.add.at(found, strata_of(np.arange(HOURS), kind), by_hour)
    return found


def settled(rows_by_hour: Counts, asked: DriftStrata) -> DriftStrata:
    """What was asked for, or the finest coarser division whose strata all have enough rows.

    Strata that the reference never saw don't count: live rows in them are not compared.
    """
    kind = asked
    while kind is not DriftStrata.NONE:
        rows = by_stratum(rows_by_hour, kind)
        if rows[rows > 0].min(initial=LEAST_ROWS) >= LEAST_ROWS:
            return kind
        kind = _COARSER[kind]
    return kind
