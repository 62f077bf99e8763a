"""The pair stream as one who waits for single answers reads it; reading it changes nothing."""

from collections.abc import Sequence
from typing import Final

import msgspec

from services.serving.adapters.redis_line import RedisLine, ReplyError
from understudy.contracts.events import PairBatch, UnknownSchemaError, decode_pairs, pairs_key

_ENTRIES: Final = 20
"""Read at once: each may hold thousands of pairs."""
_BEGINNING: Final = b"0-0"


class PairStream:
    """Implements `ports.Pairs`."""

    def __init__(self, line: RedisLine) -> None:
        self._line = line

    async def latest(self, deployment: str) -> bytes:
        """The id of the last entry."""
        found = await self._call("XREVRANGE", pairs_key(deployment), "+", "-", "COUNT", 1)
        return found[0][0] if found else _BEGINNING

    async def since(
        self, deployment: str, entry: bytes
    ) -> Sequence[tuple[bytes, PairBatch | None]]:
        """Some of the entries beyond `entry`."""
        key = pairs_key(deployment)
        found = await self._call("XRANGE", key, b"(" + entry, "+", "COUNT", _ENTRIES)
        return [(name, _decoded(fields)) for name, fields in found]

    async def _call(self, *words: bytes | str | int) -> list[tuple[bytes, list[bytes]]]:
        try:
            found: list[tuple[bytes, list[bytes]]] = await self._line.call(*words)
        except ReplyError as error:
            raise OSError(str(error)) from error
        return found


def _decoded(fields: Sequence[bytes]) -> PairBatch | None:
    try:
        return decode_pairs(dict(zip(fields[::2], fields[1::2], strict=True)))
    except (UnknownSchemaError, msgspec.DecodeError, KeyError, ValueError):
        return None
