"""A share of time within the child, of which whatever runs over is interrupted."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class OverTimeError(BaseException):
    """The share is used up. No `Exception`: foreign models must not take it for one of theirs."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raises OverTimeError once so much time, or so much of the processor's time, has passed.

    An alarm that was set before goes on. Belongs to the main thread.
    """
    began = time.monotonic()
    handlers = {kind: signal.signal(kind, _interrupt) for kind in (signal.SIGALRM, signal.SIGPROF)}
    left, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        again = max(left - (time.monotonic() - began), 0.001) if left else 0.0
        signal.setitimer(signal.ITIMER_REAL, again)
        for kind, handler in handlers.items():
            signal.signal(kind, handler)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise OverTimeError
