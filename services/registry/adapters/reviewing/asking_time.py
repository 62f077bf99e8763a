"""How much of a part's share of time is left, so that less is measured rather than nothing."""

import math
import signal
from typing import Final

from services.registry.adapters.inspection.pieces import ROWS_A_CALL, seconds_of
from services.registry.adapters.inspection.sample import evenly
from services.registry.adapters.reviewing.results_answers import Places, asked
from understudy.inference.rows import Rows
from understudy.inference.scored import Runner

_PILOT_ROWS: Final = 20
_LONGEST_PILOT_SECONDS: Final = 1.0


def seconds_left() -> float:
    """Until this part is interrupted; infinite when nothing will interrupt it."""
    timers = (signal.ITIMER_REAL, signal.ITIMER_PROF)
    left = [seconds for kind in timers if (seconds := signal.getitimer(kind)[0])]
    return min(left, default=math.inf)


def affordable(
    runner: Runner,
    rows: Rows,
    places: Places,
    seconds: float,
    *,
    times: int = 1,
    least: int = ROWS_A_CALL,
) -> Places:
    """So many of the places, evenly spread, as can be asked so many times in the seconds.

    All of them, or half as often as it takes, but not fewer than `least`. A usual model is asked
    for all, so that its review does not vary with the machine.
    """
    if places.size <= least or math.isinf(seconds):
        return places
    each, most = _seconds_a_row(runner, rows, places), int(places.size)
    while most > least and most * times * each > seconds:
        most = max(most // 2, least)
    return evenly(places, most)


def _seconds_a_row(runner: Runner, rows: Rows, places: Places) -> float:
    pilot = rows.at(evenly(places, ROWS_A_CALL))
    few = pilot.part(0, _PILOT_ROWS)
    first = seconds_of(lambda: asked(runner, few)) / len(few)
    if first * len(pilot) >= _LONGEST_PILOT_SECONDS:
        return first
    # Without what is computed but once, and what a call costs besides its rows.
    return seconds_of(lambda: asked(runner, pilot)) / len(pilot)
