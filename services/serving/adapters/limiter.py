"""Buckets of keys' tokens in Redis: correct across all workers and pods, by Redis's clock.

Where Redis has lost a bucket (FLUSHALL, a restart without its file), it starts full. A replica that
takes over knows what was replicated: what the former one granted after that is granted again.
"""

from typing import Any, Final

from services.serving.adapters.limiter_scripts import EXCHANGE
from services.serving.adapters.redis_line import RedisLine, ReplyError
from services.serving.domain.limits import (
    GREED,
    LEASE_SECONDS,
    SHARER_SECONDS,
    Ask,
    Counted,
    Grant,
    Terms,
)
from services.serving.ports import LeasesUnavailableError
from understudy.contracts.vocabulary import KeyId

_CONSTANTS: Final = (str(LEASE_SECONDS), str(SHARER_SECONDS), GREED)


def bucket_key(key: KeyId, counted: Counted) -> str:
    """Where the bucket of a key is."""
    return f"understudy:limits:{{{key}}}:{counted}"


def words_of(terms: Terms, ask: Ask) -> tuple[str | int, ...]:
    """The script's arguments."""
    return (
        terms.size,
        repr(terms.rate),
        ask.holder,
        ask.held,
        ask.need,
        ask.least,
        ask.ahead,
        ask.back,
        repr(ask.owed),
        ask.day,
        *_CONSTANTS,
    )


def read_grant(reply: Any) -> Grant:
    """What the script says."""
    tokens, left, sharers, day, ends = reply
    return Grant(int(tokens), float(left), int(sharers), int(day), float(ends))


class RedisLeases:
    """Implements `ports.Leases`."""

    def __init__(self, line: RedisLine) -> None:
        self._line = line

    async def exchange(self, key: KeyId, terms: Terms, ask: Ask) -> Grant:
        """One round trip."""
        name, words = bucket_key(key, terms.counted), words_of(terms, ask)
        try:
            reply = await self._line.call("EVAL", EXCHANGE, 1, name, *words)
            return read_grant(reply)
        except (OSError, ReplyError, ValueError, TypeError) as error:
            raise LeasesUnavailableError(repr(error)) from error
