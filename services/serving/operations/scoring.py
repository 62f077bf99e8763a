"""Calls a model for all requests that are there at once, without holding up the event loop.

What arrives in one turn of the loop is scored in one call; when calls are slow, in a thread, and
what arrives meanwhile goes with the next call. There are no timers: a single request waits for
nothing.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import structlog

from services.serving.domain.errors import BusyError, ScoringFailedError
from services.serving.domain.scoring import Loaded
from understudy.inference.rows import Rows, joined
from understudy.inference.scored import Runner, Scored
from understudy.runtime.logs import without_message

_MOST_ROWS_PER_CALL: Final = 256
"""Beyond a few hundred rows a call only gets longer; a larger request is a call by itself."""

_LONGEST_RETRY_SECONDS: Final = 30.0
"""What a version's calls cost is unknown at times, and then without bound."""

Timed = tuple[Scored, float]
"""Answers, and the seconds that their call took."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one worker takes on."""

    rows: int
    """In one request."""
    inline_seconds: float
    """Calls expected to be slower go to a thread."""
    threads: int
    queue: int
    """Requests that may wait for a slow version."""


class Scorer:
    """Scores rows; says how long the call took."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._threads = ThreadPoolExecutor(limits.threads, thread_name_prefix="scoring")
        self._lines: dict[Runner, _Line] = {}

    async def score(self, main: Loaded, rows: Rows) -> Timed:
        """Raises ScoringFailedError, whose cause only the log tells, or BusyError."""
        line = self._lines.get(main.runner)
        if line is None:
            line = self._lines[main.runner] = _Line(main, self._limits, self._threads)
        try:
            return await line.join(rows)
        except BusyError:
            raise
        except Exception as error:
            log = structlog.stdlib.get_logger()
            log.error(  # noqa: TRY400 - messages of model libraries quote what they were given
                "scoring_failed", version=main.version, **without_message(error)
            )
            raise ScoringFailedError(
                f"Version {main.version} failed on this input; the log has the reason."
            ) from error
        finally:
            # A version that is no longer served must not be kept alive by its empty line.
            if line.empty and self._lines.get(main.runner) is line:
                del self._lines[main.runner]

    def close(self) -> None:
        """Forget calls that have not begun."""
        self._threads.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True, slots=True)
class _Waiting:
    rows: Rows
    answer: asyncio.Future[Timed]


class _Line:
    """Requests that wait for one version."""

    def __init__(self, main: Loaded, limits: Limits, threads: ThreadPoolExecutor) -> None:
        self._main = main
        self._limits = limits
        self._threads = threads
        self._waiting: deque[_Waiting] = deque()
        self._call: asyncio.Task[None] | None = None
        self._due = False

    @property
    def empty(self) -> bool:
        """Whether nobody waits and no call is under way."""
        return not self._waiting and self._call is None

    async def join(self, rows: Rows) -> Timed:
        """Wait for the call that has these rows."""
        self._admit()
        loop = asyncio.get_running_loop()
        waiting = _Waiting(rows, loop.create_future())
        self._waiting.append(waiting)
        if not self._due:
            self._due = True
            # After everything else that this turn of the loop has brought in.
            loop.call_soon(self._next)
        return await waiting.answer

    def _admit(self) -> None:
        if len(self._waiting) < self._limits.queue or self._call is None:
            return
        expected = self._main.cost.of(sum(len(waiting.rows) for waiting in self._waiting))
        raise BusyError(
            "Too many slow predictions are under way. Try again shortly.",
            retry_after=math.ceil(min(expected, _LONGEST_RETRY_SECONDS)),
        )

    def _next(self) -> None:
        """Score what waits: at once when that is quick, else aside, one call at a time."""
        self._due = False
        while self._waiting and self._call is None:
            taken = self._take()
            rows = [waiting.rows for waiting in taken]
            if self._main.cost.of(sum(map(len, rows))) <= self._limits.inline_seconds:
                _hand_out(taken, _answers(self._main, rows))
            else:
                self._call = asyncio.create_task(self._score_aside(taken, rows))

    def _take(self) -> list[_Waiting]:
        taken = [self._waiting.popleft()]
        rows = len(taken[0].rows)
        while self._waiting and rows + len(self._waiting[0].rows) <= _MOST_ROWS_PER_CALL:
            taken.append(self._waiting.popleft())
            rows += len(taken[-1].rows)
        return taken

    async def _score_aside(self, taken: Sequence[_Waiting], rows: Sequence[Rows]) -> None:
        loop = asyncio.get_running_loop()
        answers: Sequence[Timed | Exception]
        try:
            answers = await loop.run_in_executor(self._threads, _answers, self._main, rows)
        except Exception as error:  # noqa: BLE001 - the pool is closing: nobody may wait for ever
            answers = [error] * len(taken)
        _hand_out(taken, answers)
        self._call = None
        self._next()


def _answers(main: Loaded, parts: Sequence[Rows]) -> list[Timed | Exception]:
    """One call for all parts; when it fails, one for each, so that none spoils another's."""
    try:
        scored, seconds = _timed(main, joined(parts))
    except Exception as error:  # noqa: BLE001 - whatever a model raises is the request's answer
        return [error] if len(parts) == 1 else [_answers(main, [part])[0] for part in parts]
    edges = np.cumsum([0, *(len(part) for part in parts)]).tolist()
    return [(scored.part(start, stop), seconds) for start, stop in pairwise(edges)]


def _hand_out(taken: Sequence[_Waiting], answers: Sequence[Timed | Exception]) -> None:
    for waiting, answer in zip(taken, answers, strict=True):
        if waiting.answer.done():
            continue  # the caller went away
        if isinstance(answer, Exception):
            waiting.answer.set_exception(answer)
        else:
            waiting.answer.set_result(answer)


def _timed(main: Loaded, rows: Rows) -> Timed:
    started = time.perf_counter()
    scored = main.runner.score(rows)
    return scored, time.perf_counter() - started
