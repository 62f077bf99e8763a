"""Cohorts grow with age: fine ones are needed only until they have matured.

Which cohort a row's counts are kept in is a function of the facts alone: of when the row was
predicted, and of the newest prediction that is known. So it is the same after any order of them.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from services.monitor.domain.outcomes.tallies import CohortId, CohortTally

LEVELS: Final = ((86_400, 4 * 86_400), (3_600, 4 * 3_600))
"""Lengths of merged cohorts, the longest first, and how long after the horizon they are merged.

Four times their length: what looks for the beginning of a change meets each octave of age with four
cohorts at least.
"""
_NEVER: Final = float("-inf")


def home(cohort: CohortId, horizon_seconds: float, newest: float) -> CohortId:
    """Where the cohort's counts are kept once the newest known prediction is of that time."""
    for seconds, pause in LEVELS:
        start = cohort.start // seconds * seconds
        if seconds > cohort.seconds and start + seconds + horizon_seconds + pause <= newest:
            return replace(cohort, start=start, seconds=seconds)
    return cohort


def merged_before(seconds: int, horizon_seconds: float, newest: float) -> float:
    """Cohorts that begin before it and are shorter are merged into that length."""
    pause = dict(LEVELS)[seconds]
    if newest == _NEVER:
        return _NEVER
    return (newest - horizon_seconds - pause) // seconds * seconds


def reach(horizon_seconds: float, cohort_seconds: int, newest: float, most: int) -> float:
    """From when on there are at most so many cohorts; those younger than the horizon not counted.

    Merged ones count once: with room for a week's it usually reaches back for years.
    """
    begin, left = newest - horizon_seconds, most
    seconds = cohort_seconds
    for longer, pause in reversed(LEVELS):
        if seconds < longer:
            end = newest - horizon_seconds - pause - longer
            needed = math.ceil((begin - end) / seconds)
            if needed >= left:
                break
            begin, left, seconds = end, left - needed, longer
    return begin - left * seconds


def gather(
    tallies: Iterable[tuple[CohortId, CohortTally]], horizons: Mapping[str, float], newest: float
) -> dict[CohortId, CohortTally]:
    """Tallies where they are kept; `horizons` in seconds by the terms' fingerprint."""
    found: dict[CohortId, CohortTally] = {}
    for cohort, tally in tallies:
        at = home(cohort, horizons[cohort.terms], newest)
        found[at] = found[at] + tally if at in found else tally
    return {cohort: tally for cohort, tally in found.items() if tally}
