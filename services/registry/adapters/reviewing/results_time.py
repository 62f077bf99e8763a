"""How much of a part's share of time is left, so that less is measured rather than nothing."""

import math
import signal
import time
from typing import Final

from services.registry.adapters.inspection.sample import evenly
from services.registry.adapters.reviewing.results_answers import Places, asked
from understudy.inference.rows import Rows
from understudy.inference.scored import Runner

_TRIED: Final = 500


def seconds_left() -> float:
    """Until this part is interrupted; infinite when nothing will interrupt it."""
    timers = (signal.ITIMER_REAL, signal.ITIMER_PROF)
    left = [seconds for kind in timers if (seconds := signal.getitimer(kind)[0])]
    return min(left, default=math.inf)


def affordable(runner: Runner, rows: Rows, places: Places, share: float) -> Places:
    """So many of the places, evenly spread, as may be asked in a share of the time that is left.

    All of them but for models that are very slow.
    """
    left = seconds_left()
    if places.size <= _TRIED or math.isinf(left):
        return places
    began = time.monotonic()
    asked(runner, rows.at(evenly(places, _TRIED)))
    each = (time.monotonic() - began) / _TRIED
    return evenly(places, max(int(share * left / max(each, 1e-9)), _TRIED))
