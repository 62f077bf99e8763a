"""Calls a model without holding up the event loop: quick calls at once, slow ones in a thread."""

import asyncio
import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import structlog

from services.serving.domain.errors import BusyError, ScoringFailedError
from services.serving.domain.rows import Rows
from services.serving.domain.scoring import Loaded, Scored


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one worker takes on."""

    rows: int
    """In one request."""
    inline_seconds: float
    """Calls expected to be slower go to a thread."""
    threads: int
    queue: int
    """Calls that may wait for a thread."""


class Scorer:
    """Scores rows; says how long the call took."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._threads = ThreadPoolExecutor(limits.threads, thread_name_prefix="scoring")
        self._slow_calls = 0

    async def score(self, main: Loaded, rows: Rows) -> tuple[Scored, float]:
        """Raises ScoringFailedError, whose cause only the log tells, or BusyError."""
        try:
            if main.cost.of(len(rows)) <= self._limits.inline_seconds:
                return _timed(main, rows)
            return await self._score_aside(main, rows)
        except BusyError:
            raise
        except Exception as error:
            structlog.stdlib.get_logger().exception("scoring_failed", version=main.version)
            raise ScoringFailedError(
                f"Version {main.version} failed on this input; the log has the reason."
            ) from error

    def close(self) -> None:
        """Forget calls that have not begun."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _score_aside(self, main: Loaded, rows: Rows) -> tuple[Scored, float]:
        if self._slow_calls >= self._limits.threads + self._limits.queue:
            expected = main.cost.of(len(rows)) * self._limits.queue / self._limits.threads
            raise BusyError(
                "Too many slow predictions are under way. Try again shortly.",
                retry_after=math.ceil(expected),
            )
        self._slow_calls += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, _timed, main, rows)
        finally:
            self._slow_calls -= 1


def _timed(main: Loaded, rows: Rows) -> tuple[Scored, float]:
    started = time.perf_counter()
    scored = main.runner.score(rows)
    return scored, time.perf_counter() - started
