"""Numbered flushes, and how Redis applies each of them once.

A flush whose reply was lost may or may not have been applied. So each writer numbers its flushes to
a deployment, and a script that runs on the deployment's shard applies a number once, in order.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

import msgspec

from services.serving.adapters.redis_line import RedisLine, ReplyError, Word
from understudy.contracts.events import FIELD_BODY, FIELD_SCHEMA, Entry, encode

REMEMBERED_SECONDS: Final = 7 * 86_400
"""How long a writer's last number is kept: what a spool holds for longer may come in twice."""

# KEYS: the writer's, then the stream of each entry. ARGV: seconds to remember the number, then for
# each entry the number of its flush and four words. A number that was applied before is passed by.
_APPLY_ONCE: Final = b"""
local last = tonumber(redis.call('GET', KEYS[1]) or '0')
local newest = last
for i = 2, #KEYS do
  local at = 5 * i - 8
  local number = tonumber(ARGV[at])
  if number > last then
    redis.call('XADD', KEYS[i], '*', ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4])
    newest = number
  end
end
if newest > last then redis.call('SET', KEYS[1], newest, 'EX', ARGV[1]) end
return newest - last
"""
_DIGEST: Final = hashlib.sha1(_APPLY_ONCE).hexdigest()  # noqa: S324 - Redis names scripts by it


class StreamEntry(msgspec.Struct, frozen=True, array_like=True):
    """One entry as it goes into its stream."""

    stream: str
    schema: bytes
    body: bytes


class Flush(msgspec.Struct, frozen=True, array_like=True):
    """What one writer sends to one deployment at a time, under its number."""

    deployment: str
    writer: str
    number: int
    rows: int
    entries: list[StreamEntry]

    @property
    def key(self) -> str:
        """Where the number of the writer's last flush is remembered."""
        return f"understudy:{{{self.deployment}}}:writer:{self.writer}"

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        return sum(len(entry.body) + len(entry.stream) + 20 for entry in self.entries)


def stream_entry(stream: str, entry: Entry) -> StreamEntry:
    """The entry, encoded."""
    fields = encode(entry)
    return StreamEntry(stream, fields[FIELD_SCHEMA], fields[FIELD_BODY])


async def apply_once(line: RedisLine, flushes: Sequence[Flush]) -> None:
    """Apply flushes of one writer to one deployment, in order, all or none of them.

    Raises ReplyError, or OSError when it is not known whether they were applied.
    """
    words = _words(flushes)
    try:
        await line.call(b"EVALSHA", _DIGEST, *words)
    except ReplyError as error:
        if not str(error).startswith("NOSCRIPT"):
            raise
        await line.call(b"EVAL", _APPLY_ONCE, *words)


def _words(flushes: Sequence[Flush]) -> list[Word]:
    streams = [entry.stream for flush in flushes for entry in flush.entries]
    found: list[Word] = [len(streams) + 1, flushes[0].key, *streams, REMEMBERED_SECONDS]
    for flush in flushes:
        for entry in flush.entries:
            found += (flush.number, FIELD_SCHEMA, entry.schema, FIELD_BODY, entry.body)
    return found
