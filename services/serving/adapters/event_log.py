"""The log on Redis Streams: every row once, whatever happens to connections.

A flush whose reply was lost may or may not have been applied. So each lane numbers its flushes,
and a script applies a number once; it runs on the shard that holds the deployment's streams.
"""

import asyncio
import uuid
from collections.abc import Sequence
from typing import Final

from redis.asyncio import Redis

from services.serving.adapters.lanes import Buffer, Lane, LaneRules, Send
from services.serving.adapters.log_entries import Labelled, Record, entries_of, size_of
from services.serving.metrics import LogMetrics
from services.serving.ports import Answered
from understudy.contracts.events import LabelEvent, encode
from understudy.runtime.loops import Backoff

# KEYS: the writer's, then the stream of each entry. ARGV: number, seconds to remember it, then
# four words for each entry. Does nothing when the number was applied before.
_APPLY_ONCE: Final = """
if tonumber(ARGV[1]) <= tonumber(redis.call('GET', KEYS[1]) or '0') then return 0 end
for i = 2, #KEYS do
  local at = 4 * i - 5
  redis.call('XADD', KEYS[i], '*', ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3])
end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return 1
"""
_REMEMBERED_SECONDS: Final = 86_400


def writer_key(deployment: str, writer: str) -> str:
    """Where the number of a writer's last flush is remembered."""
    return f"understudy:{{{deployment}}}:writer:{writer}"


class EventLog:
    """Implements `ports.Log`."""

    def __init__(
        self,
        redis: Redis,
        metrics: LogMetrics,
        *,
        buffer_rows: int,
        buffer_bytes: int,
        wait_seconds: float,
        backoff: Backoff | None = None,
    ) -> None:
        self._redis = redis
        self._writer = uuid.uuid4().hex
        self._rules = LaneRules(
            buffer=Buffer(buffer_rows, buffer_bytes, metrics),
            metrics=metrics,
            wait_seconds=wait_seconds,
            backoff=backoff or Backoff(0.05, 1.0),
        )
        self._lanes: dict[str, Lane[Record]] = {}

    async def predictions(self, answered: Answered) -> bool:
        """Returns when the rows are in the log or need not be waited for; False: they are lost."""
        return await self._append(answered.deployment, answered, len(answered.ids))

    async def labels(self, deployment: str, items: Sequence[LabelEvent]) -> bool:
        """The same for labels."""
        return await self._append(deployment, Labelled(deployment, items), len(items))

    async def drain(self, seconds: float) -> None:
        """Write what is left, within the time; the rest is counted as dropped."""
        running = [lane.task for lane in self._lanes.values() if lane.task is not None]
        if running:
            await asyncio.wait(running, timeout=seconds)
        for lane in self._lanes.values():
            await lane.abandon()

    async def _append(self, deployment: str, record: Record, rows: int) -> bool:
        return await self._lane(deployment).append(record, rows, size_of(record))

    def _lane(self, deployment: str) -> Lane[Record]:
        lane = self._lanes.get(deployment)
        if lane is None:
            key = writer_key(deployment, self._writer)
            lane = Lane(deployment, self._rules, lambda records: self._flush(key, records))
            self._lanes[deployment] = lane
        return lane

    def _flush(self, key: str, records: Sequence[Record]) -> Send:
        entries = entries_of(records)
        words = [word for _, entry in entries for field in encode(entry).items() for word in field]
        keys = [key, *(stream for stream, _ in entries)]

        async def send(number: int) -> None:
            await self._redis.eval(
                _APPLY_ONCE, len(keys), *keys, number, _REMEMBERED_SECONDS, *words
            )

        return send
