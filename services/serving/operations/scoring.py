"""Calls a model for all requests that are there at once, without holding up the event loop.

What arrives in one turn of the loop is scored in one call; when calls are slow, in a thread, and
what arrives meanwhile goes with the next call. When a call costs more than a few turns of the loop,
callers that were just answered are given so many turns to come back, so that their requests go
together: only where several were answered together before. A single caller waits for nothing.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import structlog

from services.serving.domain.drafts import Cells
from services.serving.domain.errors import BusyError, ScoringFailedError
from services.serving.domain.table import Deployment, Live
from services.serving.operations.calling import Meter, Pace, Result, called, cells_of, charged
from services.serving.operations.calls import Asked, Call, Failure
from services.serving.operations.lingering import Linger
from understudy.runtime.logs import without_message

_MOST_ROWS_PER_CALL: Final = 256
"""Beyond a few hundred rows a call only gets longer; a larger request is a call by itself."""

_LONGEST_RETRY_SECONDS: Final = 30.0
"""What a version's calls cost is unknown at times, and then without bound."""


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
    """Scores what is asked and hands each call to `settle`, which sees to the replies."""

    def __init__(
        self,
        limits: Limits,
        settle: Callable[[Call], None],
        fail: Callable[[Failure], None],
        spend: Callable[[str, int, float], None],
    ) -> None:
        self._limits = limits
        self._settle = settle
        self._fail = fail
        self.spend = spend
        """Told of deployment, version and CPU seconds of each call."""
        self._threads = ThreadPoolExecutor(limits.threads, thread_name_prefix="scoring")
        self._lines: dict[str, _Line] = {}

    def ask(self, deployment: Deployment, live: Live, asked: Asked) -> None:
        """Put a request in line. Raises BusyError; all else comes by its reply."""
        line = self._lines.get(deployment.name)
        if line is None or line.live is not live:
            # A former release's line goes on until it is empty, held by its calls alone.
            line = _Line(deployment, live, self._limits, self._threads, self)
            self._lines[deployment.name] = line
        line.join(asked)

    def keep(self, deployments: Collection[str]) -> None:
        """Let go of the lines of all other deployments, and so of their models."""
        self._lines = {name: line for name, line in self._lines.items() if name in deployments}

    def close(self) -> None:
        """Forget calls that have not begun."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def finish(self, call: Call) -> None:
        """A call is over."""
        self._settle(call)

    def refuse(self, failure: Failure) -> None:
        """A request's rows could not be scored, for a reason that only the log may tell."""
        deployment, live, asked = failure.deployment, failure.live, failure.asked
        name = asked.ids[0] if asked.ids else None
        log = structlog.stdlib.get_logger()
        log.error(  # messages of model libraries quote what they were given
            "scoring_failed",
            deployment=deployment.name,
            version=live.main.version,
            prediction_id=name,
            **without_message(failure.error),
        )
        if not asked.reply.done():  # else the caller went away
            refusal = ScoringFailedError(
                f"Version {live.main.version} failed on this input; the log has the reason, "
                f"under prediction id {name}."
            )
            refusal.__cause__ = failure.error
            asked.reply.set_exception(refusal)
        self._fail(failure)


class _Line:
    """Requests that wait for one release's main version."""

    def __init__(
        self,
        deployment: Deployment,
        live: Live,
        limits: Limits,
        threads: ThreadPoolExecutor,
        scorer: Scorer,
    ) -> None:
        self.live = live
        self._deployment = deployment
        self._main = live.main
        self._limits = limits
        self._threads = threads
        self._scorer = scorer
        self._waiting: deque[Asked] = deque()
        self._call: asyncio.Task[None] | None = None
        self._due = False
        self._linger = Linger(live.main.cost.call_seconds)
        self._meter = Meter()
        self._pace = Pace(live.main.cost)
        self._loop = asyncio.get_running_loop()

    def join(self, asked: Asked) -> None:
        """Wait for the call that has these rows."""
        if self._call is not None and len(self._waiting) >= self._limits.queue:
            raise self._busy()
        self._waiting.append(asked)
        self._come_back()

    def _busy(self) -> BusyError:
        expected = self._pace.of(sum(len(asked.cells) for asked in self._waiting))
        return BusyError(
            "Too many slow predictions are under way. Try again shortly.",
            retry_after=math.ceil(min(expected, _LONGEST_RETRY_SECONDS)),
        )

    def _next(self) -> None:
        """Score what waits: at once when that is quick, else aside, one call at a time."""
        if (
            self._linger.seconds
            and self._call is None
            and self._linger.worth_it(len(self._waiting))
        ):
            self._loop.call_soon(self._next)
            return
        self._due = False
        while self._waiting and self._call is None:
            taken = self._take()
            if not taken:
                continue
            cells = cells_of(taken)
            if self._pace.of(len(cells)) <= self._limits.inline_seconds:
                results = self._score(taken, cells)
                self._pace.note(len(cells), results)
                self._hand_out(results)
            else:
                self._call = self._loop.create_task(self._score_aside(taken, cells))

    def _take(self) -> list[Asked]:
        taken = [self._waiting.popleft()]
        rows = len(taken[0].cells)
        while self._waiting and rows + len(self._waiting[0].cells) <= _MOST_ROWS_PER_CALL:
            taken.append(self._waiting.popleft())
            rows += len(taken[-1].cells)
        self._linger.note(len(taken))
        # Nobody waits for some any more: they went away, or their time is over.
        return [asked for asked in taken if not asked.reply.done()]

    def _score(self, taken: Sequence[Asked], cells: Sequence[Cells]) -> Sequence[Result]:
        """Here and now."""
        calls = self._meter.stands_for()
        if not calls:
            return called(self._main, taken, cells)
        results, spent = charged(self._main, taken, cells)
        self._scorer.spend(self._deployment.name, self._main.version, calls * spent)
        return results

    async def _score_aside(self, taken: Sequence[Asked], cells: Sequence[Cells]) -> None:
        results: Sequence[Result] = ()
        try:
            results, spent = await self._loop.run_in_executor(
                self._threads, charged, self._main, taken, cells
            )
            self._scorer.spend(self._deployment.name, self._main.version, spent)
            self._pace.note(len(cells), results)
        except BaseException as error:
            results = [Result(taken, error)]
            if not isinstance(error, Exception):
                raise
        finally:  # the pool is closing, or the loop: even so nobody may wait for ever
            self._hand_out(results)
            self._call = None
            if self._waiting:
                self._come_back()

    def _come_back(self) -> None:
        """Look again after everything else that this turn of the loop has brought in."""
        if not self._due:
            self._due = True
            self._linger.begin()
            self._loop.call_soon(self._next)

    def _hand_out(self, results: Sequence[Result]) -> None:
        for result in results:
            if isinstance(result.outcome, BaseException):
                self._refuse(result, result.outcome, result.seconds)
                continue
            rows, scored, seconds = result.outcome
            call = Call(self._deployment, self.live, result.asked, rows, scored, seconds)
            try:
                self._scorer.finish(call)
            except Exception as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever
                self._refuse(result, error, None)

    def _refuse(self, result: Result, error: BaseException, seconds: float | None) -> None:
        for asked in result.asked:
            self._scorer.refuse(Failure(self._deployment, self.live, asked, error, seconds))
