"""The log on Redis Streams, with a disk spool for when Redis is slow or gone.

Every row that was taken is in it once, whatever happens to connections and processes.
"""

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from services.serving.adapters.flushes import Flush, apply_once, stream_entry
from services.serving.adapters.lane_buffer import Buffer
from services.serving.adapters.lanes import Lane, LaneRules, RefusedError
from services.serving.adapters.log_entries import (
    Labelled,
    Protected,
    Record,
    entries_of,
    rows_of,
    size_of,
)
from services.serving.adapters.redis_line import RedisLine, ReplyError
from services.serving.adapters.spool import Spool
from services.serving.adapters.spool_drain import Apply, Drain
from services.serving.adapters.told_entries import ToldElsewhere
from services.serving.domain.table import Live
from services.serving.metrics import LogMetrics
from services.serving.ports import Answered, LogHealth, ToldPair, ToldRow
from understudy.contracts.events import LabelEvent, ProtectedEvent
from understudy.contracts.vocabulary import Durability
from understudy.runtime.loops import repeat

_ADOPT_EVERY_SECONDS: Final = 15.0
_NEVER: Final = "WRONGTYPE"
"""How Redis says that something else has a stream's name."""


@dataclass(frozen=True, slots=True)
class LogBounds:
    """How much one worker's log may hold, and how long rows may take."""

    buffer_rows: int
    buffer_bytes: int
    relaxed_rows: int
    spool_bytes: int
    relaxed_seconds: float
    spool_after_seconds: float
    wait_seconds: float


class EventLog:
    """Implements `ports.Log`."""

    def __init__(
        self, line: RedisLine, spool_folder: Path, metrics: LogMetrics, bounds: LogBounds
    ) -> None:
        metrics.spool_limit(bounds.spool_bytes)
        self._line = line
        self._writer = uuid.uuid4().hex
        self._spooled = asyncio.Event()
        self._spool = Spool(
            spool_folder,
            self._writer,
            metrics,
            most_bytes=bounds.spool_bytes,
            on_change=self._notice,
        )
        self._drain = Drain(self._spool, self._apply, metrics)
        self._rules = LaneRules(
            buffer=Buffer(bounds.buffer_rows, bounds.buffer_bytes, bounds.relaxed_rows, metrics),
            metrics=metrics,
            spool_after_seconds=bounds.spool_after_seconds,
            wait_seconds=bounds.wait_seconds,
            lag_seconds=bounds.relaxed_seconds,
            enough_rows=max(1, bounds.relaxed_rows // 4),
        )
        self._lanes: dict[str, Lane[Record, Flush]] = {}

    async def run(self) -> None:
        """Drain what is on disk, and adopt what dead writers left there, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._drain.run(self._spooled))
            group.create_task(
                repeat("adopt", self._spool.adopt, pause_seconds=_ADOPT_EVERY_SECONDS)
            )

    def predictions(self, answered: Answered) -> asyncio.Future[bool] | None:
        """The rows of one call; None when their replies need not wait."""
        strict = answered.live.policy.durability is Durability.STRICT
        lane = self._lane(answered.deployment)
        return lane.append(answered, rows_of(answered), size_of(answered), strict=strict)

    async def labels(self, deployment: str, items: Sequence[LabelEvent]) -> bool:
        """Labels are always strict."""
        return await self._keep(Labelled(deployment, items))

    async def protected(self, deployment: str, items: Sequence[ProtectedEvent]) -> bool:
        """Always strict too."""
        return await self._keep(Protected(deployment, items))

    async def elsewhere(
        self, deployment: str, live: Live, rows: Sequence[ToldRow], pairs: Sequence[ToldPair]
    ) -> bool:
        """Always strict too, and all or nothing."""
        return await self._keep(ToldElsewhere(deployment, live, rows, pairs))

    @property
    def state(self) -> LogHealth:
        """Whether rows go where they should, for those who ask how the process fares."""
        since = [lane.degraded_since for lane in self._lanes.values() if lane.degraded_since]
        rows = self._spool.rows
        return LogHealth(
            degraded=bool(since or rows),
            since=min(since, default=None),
            spooled_rows=rows,
            spooled_bytes=self._spool.size if rows else 0,
        )

    async def drain(self, seconds: float) -> None:
        """Make what is left safe, within the time; the rest is counted as dropped."""
        running = [lane.hurry() for lane in self._lanes.values() if lane.task is not None]
        if running:
            await asyncio.wait(running, timeout=seconds)
        for lane in self._lanes.values():
            await lane.abandon()
        await self._spool.close()

    async def _keep(self, record: Record) -> bool:
        lane = self._lane(record.deployment)
        safe = lane.append(record, rows_of(record), size_of(record), strict=True)
        return safe is None or await safe

    def _lane(self, deployment: str) -> Lane[Record, Flush]:
        lane = self._lanes.get(deployment)
        if lane is None:
            way = _RedisWay(deployment, self._writer, self._apply, self._spool)
            lane = self._lanes[deployment] = Lane(deployment, self._rules, way)
        return lane

    async def _apply(self, flushes: Sequence[Flush]) -> None:
        try:
            await apply_once(self._line, flushes)
        except ReplyError as error:
            if _NEVER in str(error):
                raise RefusedError(str(error)) from error
            raise
        for lane in [*self._rules.failing]:
            lane.recover_when_idle()

    def _notice(self) -> None:
        """The spool holds more, or less."""
        self._spooled.set()
        for name, lane in self._lanes.items():
            if lane.degraded_since is not None and lane.spooling and not self._spool.holds(name):
                lane.recover()


class _RedisWay:
    """Implements `lanes.Way`."""

    def __init__(self, deployment: str, writer: str, apply: Apply, spool: Spool) -> None:
        self._deployment = deployment
        self._writer = writer
        self._apply = apply
        self._spool = spool

    def prepare(self, records: Sequence[Record], number: int) -> Flush:
        entries = [stream_entry(stream, entry) for stream, entry in entries_of(records)]
        rows = sum(map(rows_of, records))
        return Flush(self._deployment, self._writer, number, rows, entries)

    async def send(self, flush: Flush) -> None:
        await self._apply([flush])

    async def spool(self, flush: Flush) -> bool:
        return await self._spool.append(flush)

    def behind(self) -> bool:
        return self._spool.holds(self._deployment)
