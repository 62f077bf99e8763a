"""Buckets in memory, by the domain's rules; `away` and `slow` make them what Redis can be."""

import asyncio
import time
from collections.abc import Callable

from services.serving.domain.limits import Ask, Bucket, Counted, Grant, Terms, exchanged
from services.serving.ports import LeasesUnavailableError
from understudy.contracts.vocabulary import KeyId


class InMemoryLeases:
    """Implements `ports.Leases`."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.away = False
        self.held_up: asyncio.Event | None = None
        """Answers only when it is set."""
        self.asked: list[Ask] = []
        self.buckets: dict[tuple[KeyId, Counted], Bucket] = {}

    async def exchange(self, key: KeyId, terms: Terms, ask: Ask) -> Grant:
        """One round trip."""
        self.asked.append(ask)
        if self.away:
            raise LeasesUnavailableError("away")
        place = (key, terms.counted)
        after, grant = exchanged(self.buckets.get(place), terms, ask, self.clock())
        self.buckets[place] = after
        await (asyncio.sleep(0) if self.held_up is None else self.held_up.wait())
        return grant
