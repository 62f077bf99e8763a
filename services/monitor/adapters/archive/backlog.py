"""What of the log is not in the archive yet, read from Redis; and how far the archive is."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

import structlog
from redis.asyncio import Redis

from services.monitor.adapters.archive.reading import UNREADABLE, read_entry, rows_of
from services.monitor.domain.parts import EntryId, PartId, PartLimits, Stream, Waiting
from services.monitor.ports import Piece
from understudy.contracts import events
from understudy.contracts.events import Fields

_PAGE_ENTRIES: Final = 100
_MOVE: Final = """
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
"""


Page = Sequence[tuple[EntryId, Fields]]


class RedisBacklog:
    """Implements `ports.Backlog`."""

    def __init__(self, redis: Redis, limits: PartLimits) -> None:
        self._redis = redis
        self._limits = limits
        self._move = redis.register_script(_MOVE)

    async def begin(self, deployment: str) -> Mapping[Stream, EntryId]:
        """In one transaction, so that trimming sees all positions or none."""
        key = events.archive_positions_key(deployment)
        async with self._redis.pipeline(transaction=True) as pipe:
            for stream in Stream:
                pipe.hsetnx(key, stream, "0-0")
            pipe.hmget(key, [*Stream])
            *_, found = await pipe.execute()
        return {
            stream: EntryId.parse(position.decode())
            for stream, position in zip(Stream, found, strict=True)
        }

    async def next(self, deployment: str, stream: Stream, after: EntryId) -> Piece | Waiting | None:
        """Closed by Redis's own clock: it is the one that numbers entries."""
        key = _key(deployment, stream)
        found: Any = await self._redis.xrange(key, f"({after}", "+", count=1)
        if not found:
            return None
        first = EntryId.parse(found[0][0].decode())
        end = self._limits.window_end(first)
        seconds, microseconds = await self._redis.time()
        if seconds * 1_000 + microseconds // 1_000 < end:
            return Waiting(first)
        return await self._gather(deployment, stream, first, end)

    async def holds(self, deployment: str, stream: Stream, entry: EntryId) -> bool:
        """One XRANGE."""
        found: Any = await self._redis.xrange(_key(deployment, stream), str(entry), str(entry))
        return bool(found)

    async def move(self, deployment: str, stream: Stream, before: EntryId, after: EntryId) -> bool:
        """One script."""
        moved: Any = await self._move(
            keys=[events.archive_positions_key(deployment)],
            args=[stream, str(before), str(after)],
        )
        return bool(moved)

    async def forget(self, deployment: str) -> None:
        """One DEL."""
        await self._redis.delete(events.archive_positions_key(deployment))

    async def _gather(self, deployment: str, stream: Stream, first: EntryId, end: int) -> Piece:
        read, last, rows, size, malformed = list[tuple[EntryId, Fields]](), first, 0, 0, 0
        async for page in self._pages(_key(deployment, stream), first, end):
            # In a thread: to count rows, every value of the page is decoded and checked.
            counts = await asyncio.to_thread(_counted, stream, page)
            for (last, fields), found in zip(page, counts, strict=True):
                if found is None:
                    malformed += 1
                    continue
                read.append((last, fields))
                rows += found
                size += sum(map(len, fields.values()))
                if self._limits.full(rows, size):
                    return Piece(PartId(deployment, stream, first, last, rows), read, malformed)
        return Piece(PartId(deployment, stream, first, last, rows), read, malformed)

    async def _pages(self, key: str, first: EntryId, end: int) -> AsyncIterator[Page]:
        """Up to the last millisecond before the end."""
        since = str(first)
        while True:
            page: Any = await self._redis.xrange(key, since, str(end - 1), count=_PAGE_ENTRIES)
            if page:
                yield [(EntryId.parse(name.decode()), fields) for name, fields in page]
            if len(page) < _PAGE_ENTRIES:
                return
            since = f"({page[-1][0].decode()}"


def _counted(stream: Stream, page: Page) -> list[int | None]:
    return [_rows(stream, name, fields) for name, fields in page]


def _rows(stream: Stream, name: EntryId, fields: Fields) -> int | None:
    """None for an entry that the monitor can't count either. Raises UnknownSchemaError."""
    try:
        return rows_of(read_entry(stream, fields))
    except events.UnknownSchemaError:
        raise
    except UNREADABLE as error:
        structlog.stdlib.get_logger().warning(
            "malformed_entry", stream=str(stream), entry=str(name), error=type(error).__name__
        )
        return None


def _key(deployment: str, stream: Stream) -> str:
    match stream:
        case Stream.PREDICTIONS:
            return events.predictions_key(deployment)
        case Stream.PAIRS:
            return events.pairs_key(deployment)
        case Stream.LABELS:
            return events.labels_key(deployment)
        case Stream.PROTECTED:
            return events.protected_key(deployment)
