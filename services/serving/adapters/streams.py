"""The streams of the log as whoever trims them sees them: ids and numbers, no entries."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from redis.asyncio import Redis

from services.serving.domain.trimming import NOTHING, Contents, EntryId, Group, Look, Stream
from understudy.contracts.events import (
    archive_positions_key,
    challenger_position_key,
    labels_key,
    monitor_positions_key,
    pairs_key,
    predictions_key,
    protected_key,
)

_KEYS: Final = {
    Stream.PREDICTIONS: predictions_key,
    Stream.PAIRS: pairs_key,
    Stream.LABELS: labels_key,
    Stream.PROTECTED: protected_key,
}
_PATTERN: Final = "understudy:{*}:*"
_SCAN_KEYS: Final = 1_000

# KEYS: a stream. Entries stay where they are, for they are large.
_LOOK: Final = """
local function table_of(list)
  local found = {}
  for index = 1, #list, 2 do found[list[index]] = list[index + 1] end
  return found
end
if redis.call('TYPE', KEYS[1])['ok'] ~= 'stream' then return {0, 0, '0-0', {}} end
local stream = table_of(redis.call('XINFO', 'STREAM', KEYS[1]))
local groups = {}
for _, fields in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local group = table_of(fields)
  local oldest = redis.call('XPENDING', KEYS[1], group['name'])[2] or ''
  groups[#groups + 1] = {group['name'], group['last-delivered-id'], oldest}
end
local first = stream['first-entry'] and stream['first-entry'][1] or '0-0'
local size = redis.call('MEMORY', 'USAGE', KEYS[1], 'SAMPLES', 20)
return {stream['length'], size, first, groups}
"""


class RedisStreams:
    """Implements `ports.Streams`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._look = redis.register_script(_LOOK)

    async def deployments(self) -> Collection[str]:
        """Found by their keys: deleted deployments are in no snapshot."""
        found: set[str] = set()
        async for key in self._redis.scan_iter(_PATTERN, count=_SCAN_KEYS, _type="stream"):
            found.add(key.decode().partition("{")[2].partition("}")[0])
        return found

    async def look(self, deployment: str, versions: Sequence[int]) -> Look:
        """One question for each stream, and one for where readers are."""
        streams = {
            stream: _contents(await self._look(keys=[key(deployment)]))
            for stream, key in _KEYS.items()
        }
        monitor = await self._positions(monitor_positions_key(deployment))
        archived = await self._positions(archive_positions_key(deployment))
        keys = [challenger_position_key(deployment, version) for version in versions]
        left: Any = await self._redis.mget(keys) if keys else []
        return Look(
            streams,
            monitor,
            {
                version: _entry(place)
                for version, place in zip(versions, left, strict=True)
                if place is not None
            },
            archived,
        )

    async def _positions(self, key: str) -> Mapping[Stream, EntryId] | None:
        """How far a reader is that keeps its positions in a hash; None when it has not begun."""
        held: Any = await self._redis.hgetall(key)
        if not held:
            return None
        return {stream: _entry(held.get(stream.encode(), b"0-0")) for stream in Stream}

    async def trim(
        self, deployment: str, stream: Stream, below: EntryId, most: int | None = None
    ) -> int:
        """With a bound, whole nodes of the stream alone: an edge of some entries stays."""
        if below == NOTHING:
            return 0
        gone: Any = await self._redis.xtrim(
            _KEYS[stream](deployment),
            minid=f"{below[0]}-{below[1]}",
            approximate=most is not None,
            limit=most,
        )
        return int(gone)


def _contents(answer: Any) -> Contents:
    entries, size, first, groups = answer
    return Contents(
        entries,
        size,
        _entry(first),
        [
            Group(name.decode(), _entry(delivered), _entry(oldest) if oldest else None)
            for name, delivered, oldest in groups
        ],
    )


def _entry(text: bytes) -> EntryId:
    milliseconds, _, number = text.partition(b"-")
    return int(milliseconds), int(number)
