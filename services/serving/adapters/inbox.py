"""The prediction stream as one challenger version reads it: a consumer group of Redis Streams."""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from services.serving.ports import Backlog, Delivery
from understudy.contracts.events import (
    CategoryColumn,
    NumberColumn,
    PairBatch,
    PredictionBatch,
    UnknownSchemaError,
    challenger_group,
    decode_predictions,
    encode,
    pairs_key,
    predictions_key,
)

# Serving's clock, the registry's and Redis's may differ: entries that don't name the version are
# passed over, so beginning too early costs nothing.
_MARGIN_SECONDS: Final = 60
_FLOAT_BYTES: Final = 8
_ABANDONED_MILLISECONDS: Final = 60_000

# KEYS: predictions, pairs. ARGV: group, entry, then the words of the pair entry, if there is one.
# Appends before it acknowledges, so that a failure between the two can't lose the pairs.
_FINISH_ONCE: Final = """
if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1) == 0 then return 0 end
if #ARGV > 2 then redis.call('XADD', KEYS[2], '*', ARGV[3], ARGV[4], ARGV[5], ARGV[6]) end
return redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
"""

Entries = Sequence[tuple[bytes, Mapping[bytes, bytes] | None]]


class RedisInbox:
    """Implements `ports.Inbox`."""

    def __init__(
        self,
        redis: Redis,
        deployment: str,
        version: int,
        *,
        consumer: str,
        entries: int,
        wait_milliseconds: int = 1_000,
    ) -> None:
        self._redis = redis
        self._stream = predictions_key(deployment)
        self._pairs = pairs_key(deployment)
        self._group = challenger_group(version)
        self._consumer = consumer
        self._entries = entries
        self._wait_milliseconds = wait_milliseconds

    async def open(self, since: datetime) -> None:
        """Make the group, unless there is one."""
        start = max(0, int((since.timestamp() - _MARGIN_SECONDS) * 1_000))
        try:
            await self._redis.xgroup_create(self._stream, self._group, f"{start}-0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    async def unfinished(self, after: bytes) -> list[Delivery]:
        """This consumer's own pending entries beyond `after`."""
        return await self._read(after)

    async def abandoned(self) -> list[Delivery]:
        """Pending entries of consumers that left them for a minute."""
        answer = await self._redis.xautoclaim(
            self._stream,
            self._group,
            self._consumer,
            _ABANDONED_MILLISECONDS,
            count=self._entries,
        )
        return _deliveries(answer[1])

    async def arrived(self) -> list[Delivery]:
        """Entries that nobody was handed yet."""
        return await self._read(b">", block=self._wait_milliseconds)

    async def finish(self, entry: bytes, pairs: PairBatch | None) -> bool:
        """Append and acknowledge, in one script."""
        words = [] if pairs is None else [w for field in encode(pairs).items() for w in field]
        done = await self._redis.eval(
            _FINISH_ONCE, 2, self._stream, self._pairs, self._group, entry, *words
        )
        return bool(done)

    async def backlog(self) -> Backlog:
        """Read off the group: its oldest pending entry, and the next one it was not handed."""
        pending = await self._redis.xpending(self._stream, self._group)
        oldest: Any = pending["min"] or await self._next_entry()
        behind = 0.0 if oldest is None else time.time() - int(oldest.split(b"-")[0]) / 1_000
        return Backlog(pending["pending"], max(0.0, behind))

    async def _next_entry(self) -> Any:
        groups = await self._redis.xinfo_groups(self._stream)
        name = self._group.encode()
        last = next(group["last-delivered-id"] for group in groups if group["name"] == name)
        found = await self._redis.xrange(self._stream, min=b"(" + last, count=1)
        return found[0][0] if found else None

    async def _read(self, place: bytes, block: int | None = None) -> list[Delivery]:
        answer: Any = await self._redis.xreadgroup(
            self._group, self._consumer, {self._stream: place}, count=self._entries, block=block
        )
        return _deliveries(answer[0][1]) if answer else []


def _deliveries(entries: Entries) -> list[Delivery]:
    return [_delivery(entry, fields) for entry, fields in entries if entry is not None]


def _delivery(entry: bytes, fields: Mapping[bytes, bytes] | None) -> Delivery:
    if not fields:
        return Delivery(entry, None)
    try:
        batch = decode_predictions(fields)
    except UnknownSchemaError:
        return Delivery(entry, None, unknown_schema=True)
    except (msgspec.MsgspecError, KeyError, ValueError):
        return Delivery(entry, None, corrupt=True)
    return Delivery(entry, batch) if _whole(batch) else Delivery(entry, None, corrupt=True)


def _whole(batch: PredictionBatch) -> bool:
    """Whether every column has a value for each row."""
    rows, scores = len(batch.ids), batch.scores
    floats = [batch.at, batch.seconds, scores.values]
    texts: list[list[str | None]] = []
    for column in batch.columns:
        match column:
            case NumberColumn():
                floats.append(column.data)
            case CategoryColumn():
                texts.append(column.data)
    return (
        rows > 0
        and len(scores.probabilities) in {0, _FLOAT_BYTES * rows * len(scores.classes)}
        and all(len(data) == _FLOAT_BYTES * rows for data in floats)
        and all(len(data) == rows for data in texts)
    )
