"""Group commit: rows gather in a lane while its last flush is on its way, and go with the next.

A flush goes to Redis; when that fails or takes too long, to the disk. A lane knows nothing of how:
it decides when, in what order, who waits for it, and what becomes of rows that nobody takes.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Protocol, TypeVar

import structlog

from services.serving.adapters.lane_buffer import Buffer, Held
from services.serving.metrics import LogMetrics, LogState
from understudy.runtime.logs import without_message
from understudy.runtime.loops import Backoff

MOST_ROWS_PER_FLUSH: Final = 5_000
MOST_BYTES_PER_FLUSH: Final = 8 * 1_024 * 1_024
"""A record that is larger by itself is a flush by itself."""

_RETRY: Final = Backoff(0.05, 1.0)

Record = TypeVar("Record")
Record_contra = TypeVar("Record_contra", contravariant=True)
Prepared = TypeVar("Prepared")


class RefusedError(Exception):
    """Redis will never take this flush, whatever its own state."""


class Way(Protocol[Record_contra, Prepared]):
    """How one deployment's rows become safe."""

    def prepare(self, records: Sequence[Record_contra], number: int) -> Prepared:
        """Encode a flush; numbers grow. Raises whatever encoding meets."""

    async def send(self, flush: Prepared) -> None:
        """Put it into Redis, once however often it is sent. Raises RefusedError, or anything."""

    async def spool(self, flush: Prepared) -> bool:
        """Put it on the disk; False when that can't take it."""

    def behind(self) -> bool:
        """Whether the disk holds earlier flushes, so that later ones must go there too."""


@dataclass(frozen=True, slots=True)
class LaneRules:
    """What all lanes of a log share."""

    buffer: Buffer
    metrics: LogMetrics
    spool_after_seconds: float
    """How long Redis may take before a flush goes to the disk."""
    wait_seconds: float
    """How long rows that the disk can't take may wait for Redis."""
    lag_seconds: float
    """How long rows that nobody waits for may gather."""
    enough_rows: int
    """As many go at once."""
    backoff: Backoff = _RETRY
    failing: "set[Lane[Any, Any]]" = field(default_factory=set)
    """Lanes that Redis failed last: away or slow, not that it refused."""


class Lane(Generic[Record, Prepared]):
    """One deployment's way into the log."""

    def __init__(self, deployment: str, rules: LaneRules, way: Way[Record, Prepared]) -> None:
        self._deployment = deployment
        self._rules = rules
        self._way = way
        self._gathering: deque[Held[Record]] = deque()
        self._gathered_rows = 0
        self._under_way: list[Held[Record]] = []
        self._awaited = 0
        self._hurry = asyncio.Event()
        self._alone = 0
        self._number = 0
        self._refused = False
        self._log = structlog.stdlib.get_logger("log").bind(deployment=deployment)
        self.degraded_since: float | None = None
        """Wall-clock time from which Redis did not take this lane's rows."""
        self.spooling = False
        """Whether they went to the disk instead."""
        self.task: asyncio.Task[None] | None = None

    def append(
        self, record: Record, rows: int, size: int, *, strict: bool
    ) -> asyncio.Future[bool] | None:
        """Take a record in. The future: True once its rows are safe, False when they are dropped.

        None: nobody need wait. `size`: about how many bytes the record takes.
        """
        loop = asyncio.get_running_loop()
        if not self._rules.buffer.take(rows, size):
            self._rules.metrics.settled(self._deployment, LogState.DROPPED, rows)
            refused: asyncio.Future[bool] = loop.create_future()
            refused.set_result(False)
            return refused
        buffer = self._rules.buffer
        # Once rows were lost, replies wait until Redis takes rows again: one loss does not repeat.
        waits = strict or self._refused or buffer.losing
        ahead = not waits and buffer.run_ahead(rows)
        held = Held(record, rows, size, loop.time(), None if ahead else loop.create_future())
        self._gathering.append(held)
        self._gathered_rows += rows
        if not ahead or self._gathered_rows >= self._rules.enough_rows:
            self._hurry.set()
        if self.task is None:
            self.task = loop.create_task(self._flush_all())
        return held.reply

    def hurry(self) -> "asyncio.Task[None]":
        """Write what has gathered at once; the task that does."""
        self._hurry.set()
        assert self.task is not None  # noqa: S101 - for the type checker: only a lane at work
        return self.task

    def recover(self) -> None:
        """Redis has everything."""
        if self.degraded_since is not None:
            self.degraded_since = None
            self._rules.failing.discard(self)
            self._rules.metrics.degraded(-1)
            self._log.info("log_recovered")

    def recover_when_idle(self) -> None:
        """Redis took another lane's rows: nothing that is known of this one says it would not."""
        if self.task is None and not self._way.behind():
            self.recover()

    async def abandon(self) -> None:
        """Stop; what is not safe is counted as dropped."""
        if self.task is None:
            return
        self.task.cancel()
        await asyncio.wait([self.task])
        left = [*self._under_way, *self._gathering]
        self._gathering.clear()
        self._log.error("log_rows_abandoned", rows=sum(held.rows for held in left))
        self._settle(left, LogState.DROPPED)

    async def _flush_all(self) -> None:
        try:
            while self._gathering:
                await self._linger()
                self._under_way = self._next()
                state = await self._place(self._under_way)
                if state is not None:
                    self._settle(self._under_way, state)
                self._under_way = []
        finally:
            self.task = None

    async def _linger(self) -> None:
        """Let rows gather that nobody waits for."""
        left = self._gathering[0].since + self._rules.lag_seconds
        if not self._hurry.is_set():
            try:
                async with asyncio.timeout_at(left):
                    await self._hurry.wait()
            except TimeoutError:
                pass
        self._hurry.clear()

    def _next(self) -> list[Held[Record]]:
        taken = [self._gathering.popleft()]
        rows, size = taken[0].rows, taken[0].size
        while self._gathering and rows < MOST_ROWS_PER_FLUSH and not self._alone:
            size += self._gathering[0].size
            if size > MOST_BYTES_PER_FLUSH:
                break
            taken.append(self._gathering.popleft())
            rows += taken[-1].rows
        self._alone = max(0, self._alone - 1)
        self._gathered_rows -= rows
        if self._alone or any(held.reply is not None for held in self._gathering):
            self._hurry.set()
        return taken

    async def _place(self, taken: Sequence[Held[Record]]) -> LogState | None:
        """Where the rows are now; None when each record must be tried alone."""
        self._rules.buffer.publish()
        self._number += 1
        try:
            flush = self._way.prepare([held.record for held in taken], self._number)
        except Exception as error:  # noqa: BLE001 - what can't be encoded must not hold up the rest
            return self._set_aside(taken, error)
        try:
            state = await self._keep(flush, taken[0].since + self._rules.wait_seconds)
        except RefusedError as error:
            self._degrade(repr(error))
            self._refused = True  # of this deployment alone: others' rows are none the worse
            self._rules.failing.discard(self)
            return LogState.DROPPED
        if state is not LogState.SPOOLED:
            self._rules.buffer.losing = state is LogState.DROPPED
            self._refused = self._refused and state is LogState.DROPPED
        return state

    def _set_aside(self, taken: Sequence[Held[Record]], error: Exception) -> LogState | None:
        """Of records that can't be encoded together, each is tried alone; one alone is dropped."""
        if len(taken) > 1:
            self._alone = len(taken)
            self._gathering.extendleft(reversed(taken))
            self._gathered_rows += sum(held.rows for held in taken)
            self._hurry.set()
            return None
        self._log.error("log_rows_not_encoded", **without_message(error))
        return LogState.DROPPED

    async def _keep(self, flush: Prepared, latest: float) -> LogState:
        if not self._way.behind() and await self._sent(flush, self._rules.spool_after_seconds):
            return LogState.LOGGED
        if await self._spooled(flush):
            return LogState.SPOOLED
        if self._way.behind():
            return LogState.DROPPED  # to pass by what the disk holds would lose the order
        return await self._insist(flush, latest)

    async def _insist(self, flush: Prepared, latest: float) -> LogState:
        """The disk can't take it: Redis must, within the time that its rows may wait."""
        loop = asyncio.get_running_loop()
        failures = 0
        while (left := latest - loop.time()) > 0:
            if await self._sent(flush, left):
                return LogState.LOGGED
            failures += 1
            await asyncio.sleep(min(left, self._rules.backoff.delay(failures)))
        return LogState.DROPPED

    async def _sent(self, flush: Prepared, seconds: float) -> bool:
        started = time.perf_counter()
        try:
            async with asyncio.timeout(seconds):
                await self._way.send(flush)
        except RefusedError:
            raise
        except Exception as error:  # noqa: BLE001 - rows outlive whatever sending meets
            self._rules.metrics.flush_failed()
            self._degrade(repr(error))
            self._rules.failing.add(self)
            return False
        self._rules.metrics.flushed(time.perf_counter() - started)
        self.recover()
        return True

    async def _spooled(self, flush: Prepared) -> bool:
        self.spooling = True
        try:
            async with asyncio.timeout(self._rules.wait_seconds):
                self.spooling = await self._way.spool(flush)
        except TimeoutError:
            self.spooling = False
        return self.spooling

    def _degrade(self, reason: str) -> None:
        if self.degraded_since is None:
            self.degraded_since = time.time()
            self._rules.metrics.degraded(+1)
            self._log.warning("log_degraded", reason=reason)

    def _settle(self, batch: Sequence[Held[Record]], state: LogState) -> None:
        self._rules.buffer.give_back(batch)
        rows = sum(held.rows for held in batch)
        self._rules.metrics.settled(self._deployment, state, rows)
        for held in batch:
            held.release_reply(safe=state is not LogState.DROPPED)
