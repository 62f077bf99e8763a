"""The prediction stream as one challenger version reads it: a consumer group of Redis Streams."""

import re
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from redis.asyncio import Redis

from services.serving.adapters.inbox_scripts import BACKLOG, FINISH_ONCE, LEAVE, OPEN
from services.serving.ports import Backlog, Delivery
from understudy.contracts.events import (
    UnknownSchemaError,
    challenger_group,
    challenger_position_key,
    decode_heading,
    pairs_key,
    predictions_key,
)

# Serving's clock, the registry's and Redis's may differ: entries that don't name the version are
# passed over, so beginning too early costs nothing.
_MARGIN_SECONDS: Final = 60
_GROUP: Final = re.compile(rb"challenger:([0-9]+)")
_FLOAT_BYTES: Final = 8
_ABANDONED_MILLISECONDS: Final = 60_000

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
        wait_milliseconds: int = 1_000,
    ) -> None:
        self._redis = redis
        self._stream = predictions_key(deployment)
        self._pairs = pairs_key(deployment)
        self._position = challenger_position_key(deployment, version)
        self._group = challenger_group(version)
        self._consumer = consumer
        self._wait_milliseconds = wait_milliseconds
        # By digest: the text goes over the wire when Redis does not know it, and not again.
        self._open_script = redis.register_script(OPEN)
        self._finish_script = redis.register_script(FINISH_ONCE)
        self._backlog_script = redis.register_script(BACKLOG)
        self._leave_script = redis.register_script(LEAVE)

    async def open(self, since: datetime) -> None:
        """Make the group, unless there is one, where a former one of that name ended."""
        start = max(0, int((since.timestamp() - _MARGIN_SECONDS) * 1_000))
        await self._open_script(
            keys=[self._stream, self._position], args=[self._group, f"{start}-0"]
        )

    async def unfinished(self, after: bytes, most: int) -> list[Delivery]:
        """This consumer's own pending entries beyond `after`."""
        return await self._read(after, most)

    async def abandoned(self, most: int) -> list[Delivery]:
        """Pending entries of consumers that left them for a minute."""
        answer = await self._redis.xautoclaim(
            self._stream, self._group, self._consumer, _ABANDONED_MILLISECONDS, count=most
        )
        return _deliveries(answer[1])

    async def arrived(self, most: int) -> list[Delivery]:
        """Entries that nobody was handed yet."""
        return await self._read(b">", most, block=self._wait_milliseconds)

    async def finish(self, entries: Sequence[bytes], pairs: Mapping[bytes, bytes]) -> bool:
        """Append and acknowledge, in one script."""
        words = [word for field in pairs.items() for word in field]
        done = await self._finish_script(
            keys=[self._stream, self._pairs],
            args=[self._group, len(entries), *sorted(entries, key=_place), *words],
        )
        return bool(done)

    async def acknowledge(self, entries: Sequence[bytes]) -> int:
        """Nothing comes of these."""
        return int(await self._redis.xack(self._stream, self._group, *entries))

    async def backlog(self) -> Backlog:
        """Read off the group: its oldest pending entry, and the next one it was not handed."""
        pending, oldest, *counts = await self._backlog_script(
            keys=[self._stream], args=[self._group]
        )
        behind = time.time() - _place(oldest)[0] / 1_000 if oldest else 0.0
        return Backlog(pending, _undelivered(*counts), max(0.0, behind))

    async def leave(self) -> bool:
        """Destroy the group and note where it ended, unless something is unfinished."""
        keys = [self._stream, self._position]
        return not await self._leave_script(keys=keys, args=[self._group, "finished"])

    async def _read(self, place: bytes, most: int, block: int | None = None) -> list[Delivery]:
        answer: Any = await self._redis.xreadgroup(
            self._group, self._consumer, {self._stream: place}, count=most, block=block
        )
        return _deliveries(answer[0][1]) if answer else []


class RedisPlaces:
    """Implements `ports.Places`: the consumer groups of challengers."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._leave_script = redis.register_script(LEAVE)

    async def versions(self, deployment: str) -> set[int]:
        """Read off the names of groups."""
        stream = predictions_key(deployment)
        if not await self._redis.exists(stream):
            return set()
        names = {group["name"] for group in await self._redis.xinfo_groups(stream)}
        return {int(found[1]) for name in names if (found := _GROUP.fullmatch(name))}

    async def give_up(self, deployment: str, version: int) -> int:
        """Destroy the group; where it ended is kept for a version that comes back."""
        keys = [predictions_key(deployment), challenger_position_key(deployment, version)]
        args = [challenger_group(version), "whatever"]
        return int(await self._leave_script(keys=keys, args=args))


def _place(entry: bytes) -> tuple[int, int]:
    """Ids in the order of the stream: as words, 9-0 would come after 10-0."""
    milliseconds, _, sequence = entry.partition(b"-")
    return int(milliseconds), int(sequence)


def _undelivered(lag: int | None, length: int, first: bytes, last: bytes, delivered: bytes) -> int:
    """As Redis 7 counts them; before, the share of the stream's time that lies beyond."""
    if lag is not None:
        return lag
    begin, end, reached = _place(first or last), _place(last), _place(delivered)
    if length == 0 or reached >= end:
        return 0
    if reached < begin:
        return length
    share = (end[0] - reached[0]) / max(1, end[0] - begin[0])
    return max(1, round(share * (length - 1)))


def _deliveries(entries: Entries) -> list[Delivery]:
    return [_delivery(entry, fields) for entry, fields in entries if entry is not None]


def _delivery(entry: bytes, fields: Mapping[bytes, bytes] | None) -> Delivery:
    if not fields:
        return Delivery(entry)
    try:
        heading = decode_heading(fields)
    except UnknownSchemaError:
        return Delivery(entry, unknown_schema=True)
    except (msgspec.MsgspecError, KeyError, ValueError):
        return Delivery(entry, corrupt=True)
    if heading.rows == 0 or len(heading.at) % _FLOAT_BYTES:
        return Delivery(entry, corrupt=True)
    return Delivery(entry, fields, heading)
