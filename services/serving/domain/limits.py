"""What limits a key, and the bucket of tokens that all workers share.

A worker takes tokens ahead of the requests that spend them: a lease. Leased tokens count as used,
so nothing is admitted twice; those that come back, come back into the bucket; a lease that nobody
renews is over after `LEASE_SECONDS`, and its tokens are lost to the key until the bucket has
filled again. What requests wait for is spent when the bucket grants it, and is no lease: who waits
has it as long after as the answer is on its way.

In any stretch of time no more is spent than `size + rate · seconds`: the tokens of the bucket and
of leases together grow by `rate`, fall by what is spent, and are never more than `size`, since the
bucket fills no further while they are. A lease stands for what it began with until its worker
asks again or it is over: when it was spent, only the worker knows. What a worker spends while it
can't ask is beside this; it is owed.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

LEASE_SECONDS: Final = 2.0
SHARER_SECONDS: Final = 60.0
"""For so long after its last lease a worker counts as one of those that share a bucket."""
GREED: Final = 4
"""A worker takes this part of what is there at most, ahead of requests."""
DAY_SECONDS: Final = 86_400


class Counted(StrEnum):
    """What a bucket's tokens stand for."""

    REQUESTS = "requests"
    PREDICTIONS = "predictions"


@dataclass(frozen=True, slots=True)
class Terms:
    """How much of what is counted a key may ask."""

    counted: Counted
    size: int
    """At once."""
    rate: float = 0.0
    """Tokens per second that come back; 0: all of them do when a day of UTC begins."""

    @property
    def by_day(self) -> bool:
        """Whether this is a quota of the day."""
        return self.rate == 0.0

    def wait(self, missing: float, ends: float) -> float:
        """Seconds until so many tokens have come back, when the day ends in `ends` seconds."""
        return ends if self.by_day else max(0.0, missing / self.rate)


@dataclass(frozen=True, slots=True)
class Ask:
    """What a worker tells the bucket, and wants of it."""

    holder: str
    held: int = 0
    """Tokens of its lease that it keeps."""
    need: int = 0
    """Tokens that requests wait for, and that are spent as soon as they are granted."""
    least: int = 0
    """Fewer would help none of them."""
    ahead: int = 0
    """Tokens for requests that are still to come."""
    back: int = 0
    """Tokens of its lease that it gives back."""
    owed: float = 0.0
    """Tokens that it spent while it could not ask."""
    day: int = 0
    """Of the lease; one of another day is over."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What the bucket answers."""

    tokens: int
    left: float
    """In the bucket; less than nothing where debts were told."""
    sharers: int
    """Workers that had a lease lately."""
    day: int
    """Since the epoch, for a quota; else 0."""
    ends: float
    """Seconds until the day is over."""


@dataclass(frozen=True, slots=True)
class Lease:
    """Tokens that one worker holds, as the bucket knows it."""

    tokens: int
    until: float


@dataclass(frozen=True, slots=True)
class Bucket:
    """The tokens of one key. `adapters.limiter` has the same rules as a script of Redis."""

    used: float = 0.0
    at: float = 0.0
    day: int = 0
    leases: Mapping[str, Lease] = field(default_factory=dict)


def exchanged(bucket: Bucket | None, terms: Terms, ask: Ask, now: float) -> tuple[Bucket, Grant]:
    """The bucket after an ask, and its answer. A bucket that is not known is full."""
    found = _of_today(bucket, terms, now)
    same_day = ask.day == found.day
    held, back = (ask.held, ask.back) if same_day else (0, 0)
    used = _used(found, terms, ask.holder, held + back, now) - back + ask.owed
    others = {
        holder: Lease(lease.tokens, min(lease.until, now + LEASE_SECONDS))
        for holder, lease in found.leases.items()
        if holder != ask.holder and lease.until + SHARER_SECONDS > now
    }
    leased = held + sum(lease.tokens for lease in others.values() if lease.until > now)
    if not terms.by_day:
        used = min(used, max(leased, 2 * terms.size))
    tokens = _granted(terms.size - used, ask)
    used += tokens
    own = Lease(recorded(held, ask.need, tokens), now + LEASE_SECONDS)
    after = Bucket(used, now, found.day, {**others, ask.holder: own})
    ends = DAY_SECONDS * (found.day + 1) - now if terms.by_day else DAY_SECONDS
    return after, Grant(tokens, terms.size - used, len(after.leases), found.day, ends)


def recorded(held: int, need: int, tokens: int) -> int:
    """What a worker's lease is after a grant: what is spent at once is no part of it."""
    return held + tokens - min(need, tokens)


def _used(found: Bucket, terms: Terms, holder: str, holds: int, now: float) -> float:
    """What is used, when whoever asks still holds so much.

    It has fallen by `rate`, and at no moment below what was leased then.
    """
    leases = [(now, holds)]
    for name, lease in found.leases.items():
        if lease.until > found.at:
            tokens = max(0, lease.tokens - holds) if name == holder else lease.tokens
            leases.append((lease.until, tokens))
    used = found.used - terms.rate * max(0.0, now - found.at)
    leased = 0
    for until, tokens in sorted(leases, reverse=True):
        leased += tokens
        used = max(used, leased - terms.rate * max(0.0, now - until))
    return used


def _granted(level: float, ask: Ask) -> int:
    if level < ask.least:
        return 0
    waited_for = min(ask.need, math.floor(level))
    ahead = min(ask.need + ask.ahead, math.floor(level / GREED))
    return max(0, waited_for, ahead)


def _of_today(bucket: Bucket | None, terms: Terms, now: float) -> Bucket:
    today = math.floor(now / DAY_SECONDS) if terms.by_day else 0
    if bucket is None:
        return Bucket(at=now, day=today)
    # A clock that is put back a little at midnight must not give yesterday's quota anew.
    if bucket.day in {today, today + 1}:
        return bucket
    kept = {holder: Lease(0, lease.until) for holder, lease in bucket.leases.items()}
    return Bucket(at=now, day=today, leases=kept)
