"""When things were received: no two at the same time, so that their order is known for good."""

import time
from collections.abc import Callable
from typing import Final

_STEP: Final = 1e-6
"""Seconds; a float64 tells such times apart until the year 2255."""


class Receipts:
    """Of one worker, each a microsecond after the one before it at least, whatever the clock does.

    Workers have clocks of their own: what two of them receive within their clocks' difference may
    be taken in either order.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._last = 0.0

    def next(self) -> float:
        """Seconds since the epoch."""
        self._last = max(self._clock(), self._last + _STEP)
        return self._last
