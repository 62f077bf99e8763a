"""Implements `ports.Outcomes`. All of it runs in threads."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from services.monitor.adapters.outcome_store import expiring
from services.monitor.adapters.outcome_store.account import (
    account_numbers,
    find_account,
    names,
    read_book,
)
from services.monitor.adapters.outcome_store.database import Database
from services.monitor.adapters.outcome_store.deeds import add_deed, newest_deeds
from services.monitor.adapters.outcome_store.history import newest_losses
from services.monitor.adapters.outcome_store.loading import load
from services.monitor.adapters.outcome_store.taking import take_up
from services.monitor.adapters.outcome_store.tally_cache import TallyCache
from services.monitor.domain.deciding.deeds import Deed
from services.monitor.domain.outcomes.arriving import arrive
from services.monitor.domain.outcomes.facts import Incoming, JoinedRows, Losses, Standing
from services.monitor.domain.outcomes.tallies import CohortId, CohortTally
from services.monitor.domain.reports import Span

_Expire = Callable[[Database, int, float], int]


class SqlOutcomes:
    """Answers, labels and what they count for, in SQLite or PostgreSQL by URL."""

    def __init__(self, url: str, clock: Callable[[], float] = time.time) -> None:
        self._database = Database(url)
        self._clock = clock
        self._kept = TallyCache()

    def verify(self) -> None:
        """Before anything is begun. Raises OutcomesUnavailableError, UnknownOutcomesError."""
        self._database.verify()

    async def identity(self) -> str:
        """As it is written down; read once."""
        return await asyncio.to_thread(self._database.identity)

    async def apply(self, incoming: Incoming) -> None:
        """One transaction, which leaves the same whenever and wherever it is done again."""
        await asyncio.to_thread(self._apply, incoming)

    async def tallies(self, deployment: str, since: float) -> Mapping[CohortId, CohortTally]:
        """Only those are read that have changed since they were last asked for."""
        return await asyncio.to_thread(self._tallies, deployment, since)

    async def standing(self, deployment: str) -> Standing:
        """One row."""
        return await asyncio.to_thread(self._standing, deployment)

    async def newest_losses(self, deployment: str, main: int, span: Span, most: int) -> Losses:
        """By an index of the labelled rows alone."""
        return await asyncio.to_thread(self._losses, deployment, main, span, most)

    async def joined(self, deployment: str, ids: Sequence[str]) -> Sequence[JoinedRows]:
        """All facts of these predictions, as when they are counted."""
        return await asyncio.to_thread(self._joined, deployment, ids)

    async def note(self, deed: Deed) -> None:
        """Committed before it returns."""
        await asyncio.to_thread(self._note, deed)

    async def deeds(self, deployment: str) -> Sequence[Deed]:
        """Of the 1,000 that are kept."""
        return await asyncio.to_thread(self._deeds, deployment)

    async def deployments(self) -> Sequence[str]:
        """In order of their names."""
        return await asyncio.to_thread(self._deployments)

    async def expire(self, deployment: str, before: float) -> int:
        """In transactions of a few thousand rows, so that nobody waits long."""
        return await asyncio.to_thread(self._expire, expiring.expire, deployment, before)

    async def expire_protected(self, deployment: str, before: float) -> int:
        """The same."""
        return await asyncio.to_thread(self._expire, expiring.expire_protected, deployment, before)

    async def maturing_seconds(self, deployment: str) -> float:
        """Of the tenures that are written down."""
        return await asyncio.to_thread(self._maturing_seconds, deployment)

    def close(self) -> None:
        """Give all connections back."""
        self._database.close()

    def _apply(self, incoming: Incoming) -> None:
        arrived = arrive(incoming)
        if arrived.predictions or arrived.pairs or arrived.labels or arrived.traits:
            with self._database.write() as connection:
                take_up(connection, incoming, arrived, self._clock())

    def _tallies(self, deployment: str, since: float) -> Mapping[CohortId, CohortTally]:
        with self._database.read() as connection:
            account = find_account(connection, deployment)
            if account is None:
                return {}
            return self._kept.read(connection, account.number, since)

    def _standing(self, deployment: str) -> Standing:
        with self._database.read() as connection:
            account = find_account(connection, deployment)
            return Standing() if account is None else account.standing

    def _losses(self, deployment: str, main: int, span: Span, most: int) -> Losses:
        with self._database.read() as connection:
            account = find_account(connection, deployment)
            if account is None:
                return Losses(np.zeros(0), np.zeros(0))
            return newest_losses(connection, account, main, span, most)

    def _joined(self, deployment: str, ids: Sequence[str]) -> Sequence[JoinedRows]:
        with self._database.read() as connection:
            account = find_account(connection, deployment)
            if account is None:
                return ()
            facts = load(connection, account.number, ids, account.target)
            return (*facts.joined(read_book(connection, account.number)),)

    def _expire(self, expire: _Expire, deployment: str, before: float) -> int:
        """Of all deployments that were ever called so."""
        with self._database.read() as connection:
            numbers = account_numbers(connection, deployment)
        return sum(expire(self._database, number, before) for number in numbers)

    def _maturing_seconds(self, deployment: str) -> float:
        with self._database.read() as connection:
            books = (read_book(connection, n) for n in account_numbers(connection, deployment))
            held = (tenure.terms for book in books for tenure in book.values())
            return max((terms.maturing_seconds for terms in held), default=0.0)

    def _deployments(self) -> Sequence[str]:
        with self._database.read() as connection:
            return names(connection)

    def _note(self, deed: Deed) -> None:
        with self._database.write() as connection:
            add_deed(connection, deed)

    def _deeds(self, deployment: str) -> Sequence[Deed]:
        with self._database.read() as connection:
            return newest_deeds(connection, deployment)
