"""Group commit: rows gather in a lane while its last flush is on its way, and go with the next.

While flushes fail, or take longer than a reply may wait, replies do not wait; rows do, up to what
the buffer holds. A lane knows nothing of where rows go.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import structlog

from services.serving.metrics import LogMetrics, LogState
from understudy.runtime.logs import without_message
from understudy.runtime.loops import Backoff

MOST_ROWS_PER_FLUSH: Final = 5_000
MOST_BYTES_PER_FLUSH: Final = 8 * 1_024 * 1_024
"""A record that is larger by itself is a flush by itself."""

Record = TypeVar("Record")
Send = Callable[[int], Awaitable[None]]


@dataclass(slots=True)
class Held(Generic[Record]):
    """A record in the buffer, and the reply that waits for it."""

    record: Record
    rows: int
    size: int
    since: float
    reply: asyncio.Future[bool] | None = None

    def release_reply(self, *, kept: bool) -> bool:
        """Let the reply go; False when none waited."""
        if self.reply is None or self.reply.done():
            return False
        self.reply.set_result(kept)
        return True


class Buffer:
    """How many rows, and about how many bytes, all lanes may hold together."""

    def __init__(self, most_rows: int, most_bytes: int, metrics: LogMetrics) -> None:
        self._most_rows = most_rows
        self._most_bytes = most_bytes
        self._metrics = metrics
        self._rows = 0
        self._bytes = 0

    def take(self, rows: int, size: int) -> bool:
        """Whether there is room for so much more; it is counted then."""
        if self._rows + rows > self._most_rows or self._bytes + size > self._most_bytes:
            return False
        self._change(rows, size)
        return True

    def give_back(self, rows: int, size: int) -> None:
        """So much was written or lost."""
        self._change(-rows, -size)

    def _change(self, rows: int, size: int) -> None:
        self._rows += rows
        self._bytes += size
        self._metrics.buffered(self._rows, self._bytes)


@dataclass(frozen=True, slots=True)
class LaneRules:
    """What all lanes of a log share."""

    buffer: Buffer
    metrics: LogMetrics
    wait_seconds: float
    """How long a reply may wait."""
    backoff: Backoff


class Lane(Generic[Record]):
    """One deployment's way into the log.

    `prepare` makes a flush of records: a function that sends it under a number, and may be called
    again with the same number until it has succeeded.
    """

    def __init__(
        self,
        deployment: str,
        rules: LaneRules,
        prepare: Callable[[Sequence[Record]], Send],
    ) -> None:
        self._deployment = deployment
        self._rules = rules
        self._prepare = prepare
        self._gathering: deque[Held[Record]] = deque()
        self._under_way: list[Held[Record]] = []
        self._alone = 0
        self._number = 0
        self._log = structlog.stdlib.get_logger("log").bind(deployment=deployment)
        self.degraded = False
        self.task: asyncio.Task[None] | None = None

    async def append(self, record: Record, rows: int, size: int) -> bool:
        """Returns when the record is written or its reply need not wait; False: it was dropped.

        `size`: about how many bytes the record takes.
        """
        metrics = self._rules.metrics
        if not self._rules.buffer.take(rows, size):
            metrics.settled(self._deployment, LogState.DROPPED, rows)
            return False
        loop = asyncio.get_running_loop()
        held = Held(record, rows, size, loop.time())
        self._gathering.append(held)
        if self.task is None:
            self.task = loop.create_task(self._flush_all())
        if self.degraded:
            metrics.late(self._deployment, 1)
            return True
        held.reply = loop.create_future()
        return await held.reply

    async def abandon(self) -> None:
        """Stop; what is not written is counted as dropped."""
        if self.task is None:
            return
        self.task.cancel()
        await asyncio.wait([self.task])
        left = [*self._under_way, *self._gathering]
        lost = sum(held.rows for held in left)
        self._log.error("log_rows_abandoned", rows=lost)
        self._settle(left, LogState.DROPPED)

    async def _flush_all(self) -> None:
        while self._gathering:
            self._under_way = self._next()
            try:
                send = self._prepare([held.record for held in self._under_way])
            except Exception as error:  # noqa: BLE001 - what can't be encoded must not hold up the rest
                self._set_aside(error)
            else:
                await self._flush(send)
                self._settle(self._under_way, LogState.LOGGED)
            self._under_way = []
        self.task = None

    def _next(self) -> list[Held[Record]]:
        taken = [self._gathering.popleft()]
        if self._alone:
            self._alone -= 1
            return taken
        rows, size = taken[0].rows, taken[0].size
        while self._gathering and rows < MOST_ROWS_PER_FLUSH:
            size += self._gathering[0].size
            if size > MOST_BYTES_PER_FLUSH:
                break
            taken.append(self._gathering.popleft())
            rows += taken[-1].rows
        return taken

    def _set_aside(self, error: Exception) -> None:
        """Of records that can't be encoded together, each is tried alone; one alone is dropped."""
        if len(self._under_way) > 1:
            self._alone = len(self._under_way)
            self._gathering.extendleft(reversed(self._under_way))
            return
        self._log.error("log_rows_not_encoded", **without_message(error))
        self._settle(self._under_way, LogState.DROPPED)

    async def _flush(self, send: Send) -> None:
        self._number += 1
        loop = asyncio.get_running_loop()
        latest = self._under_way[0].since + self._rules.wait_seconds
        patience = loop.call_at(latest, self._degrade, "slow")
        failures = 0
        try:
            while not await self._sent(send):
                failures += 1
                await asyncio.sleep(self._rules.backoff.delay(failures))
        finally:
            patience.cancel()
        self._set_degraded(degraded=False)

    async def _sent(self, send: Send) -> bool:
        started = time.perf_counter()
        try:
            await send(self._number)
        except Exception as error:  # noqa: BLE001 - rows outlive whatever sending meets
            self._rules.metrics.flush_failed()
            self._degrade(repr(error))
            return False
        self._rules.metrics.flushed(time.perf_counter() - started)
        return True

    def _degrade(self, reason: str) -> None:
        """Let all replies go, and those to come."""
        if not self.degraded:
            self._log.warning("log_degraded", reason=reason)
        self._set_degraded(degraded=True)
        freed = [held.release_reply(kept=True) for held in (*self._under_way, *self._gathering)]
        self._rules.metrics.late(self._deployment, sum(freed))

    def _set_degraded(self, *, degraded: bool) -> None:
        if degraded is self.degraded:
            return
        self.degraded = degraded
        self._rules.metrics.degraded(+1 if degraded else -1)
        if not degraded:
            self._log.info("log_recovered")

    def _settle(self, batch: Sequence[Held[Record]], state: LogState) -> None:
        rows = sum(held.rows for held in batch)
        self._rules.buffer.give_back(rows, sum(held.size for held in batch))
        self._rules.metrics.settled(self._deployment, state, rows)
        for held in batch:
            held.release_reply(kept=state is LogState.LOGGED)
