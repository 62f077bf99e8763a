"""One challenger version's reader: takes what the log holds, has it answered, keeps pairs."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import Final

from services.serving.metrics import ChallengerMetrics
from services.serving.ports import Answers, Delivery, Inbox, Loss, Paired, Responder, Usage
from understudy.contracts.vocabulary import Role

_LOOK_FOR_ABANDONED_SECONDS: Final = 20.0
# Serving may still hold rows of a release that is over: as long as its buffer takes to empty.
_LINGER_SECONDS: Final = 60.0
_FIRST_ENTRIES: Final = 32
_START: Final = b"0"


@dataclass(frozen=True, slots=True)
class ReadingLimits:
    """How a reader takes entries."""

    entries: int
    """In one reading at most."""
    rows: int
    """In one reading, about: entries differ in size."""
    linger_seconds: float
    """Between readings, while they are small: entries gather meanwhile."""
    patience_seconds: float
    """Rows that have waited for so long are given up."""


class Pairing:
    """Reads the prediction stream of a deployment for one version. `step` is called in a loop."""

    def __init__(
        self,
        deployment: str,
        version: int,
        since: datetime,
        *,
        responder: Responder,
        inbox: Inbox,
        metrics: ChallengerMetrics,
        limits: ReadingLimits,
        on_end: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.deployment = deployment
        self.version = version
        self.name = f"{deployment}/{version}"
        self.ended = asyncio.Event()
        self.failure: str | None = None
        """Why the last step failed."""
        self.loaded = False
        """Whether the version was loaded once."""
        self.retired = False
        """No release names it any more: it is loaded only while there is something to do."""
        self.over = False
        """The registry does not count on its pairs any more: it ends when it has read all."""
        self.responder = responder
        self._since = since
        self._inbox = inbox
        self._metrics = metrics
        self._limits = limits
        self._on_end = on_end
        self._clock = clock
        self._now = now
        self._opened = False
        self._most = min(_FIRST_ENTRIES, limits.entries)
        self._unfinished_after: bytes | None = _START
        self._begin_again = False
        self._loading = False
        self._look_again_at = clock()
        self._busy_at = clock()
        self._read_at = clock() - limits.linger_seconds
        self._caught_up = True
        self._cpu_seconds = 0.0
        metrics.begins(deployment, version, Loss)

    async def step(self) -> None:
        """Do what is next: open, load, then what was left unfinished, then what is new."""
        if self.ended.is_set():
            return
        if not self._opened:
            await self._inbox.open(self._since)
            self._opened = True
        if not self.retired:
            await self._have_loaded()
        deliveries = await self._next()
        await self._work(deliveries)
        self.failure = None
        await self._rest(deliveries)

    async def close(self) -> None:
        """End the process that scores: what it had in hand comes back to the next reader."""
        await self.responder.close()

    def note_failure(self, error: Exception) -> None:
        """Begin again with what was left unfinished; the place in the stream may be gone too."""
        self.failure = f"{type(error).__name__}: {error}"[:500]
        self._metrics.failed(self.deployment, self.version)
        self._opened = False
        self._unfinished_after = _START
        self._busy_at = self._clock()

    async def watch(self) -> None:
        """Publish what is left to do and what doing it takes; shed while a load takes its time."""
        if self.ended.is_set():
            return
        self._publish(self.responder.usage() or Usage(0, 0.0))
        if self._opened:
            left = await self._inbox.backlog()
            self._metrics.behind(
                self.deployment,
                self.version,
                pending=left.pending,
                undelivered=left.undelivered,
                seconds=left.behind_seconds,
            )
            if self._loading:
                await self._shed_old()

    def _publish(self, usage: Usage) -> None:
        # A new process begins at nothing.
        begun = 0.0 if usage.cpu_seconds < self._cpu_seconds else self._cpu_seconds
        self._cpu_seconds = usage.cpu_seconds
        more = usage.cpu_seconds - begun
        self._metrics.uses(self.deployment, self.version, usage.memory_bytes, more)

    async def _have_loaded(self) -> None:
        self._loading = True
        try:
            await self.responder.start()
        except Exception:
            await self._shed_old()
            raise
        finally:
            self._loading = False
        self.loaded = True

    async def _next(self) -> list[Delivery]:
        if self._begin_again:
            self._begin_again, self._unfinished_after = False, _START
        if self._unfinished_after is not None:
            found = await self._inbox.unfinished(self._unfinished_after, self._most)
            self._unfinished_after = found[-1].entry if found else None
        elif self._clock() >= self._look_again_at:
            self._look_again_at = self._clock() + _LOOK_FOR_ABANDONED_SECONDS
            found = await self._inbox.abandoned(self._most)
        else:
            await self._linger()
            found = await self._inbox.arrived(self._most)
            self._read_at, self._caught_up = self._clock(), len(found) < self._most
            self._metrics.catching_up(self.deployment, self.version, full=not self._caught_up)
        self._adapt(found)
        return found

    async def _linger(self) -> None:
        left = self._read_at + self._limits.linger_seconds - self._clock()
        if self._caught_up and left > 0.0:
            await asyncio.sleep(left)

    def _adapt(self, found: Sequence[Delivery]) -> None:
        """Read as many entries as are likely to hold as many rows as one takes at once."""
        if rows := sum(delivery.rows for delivery in found):
            fitting = self._limits.rows * len(found) // rows
            self._most = max(1, min(fitting, 4 * self._most, self._limits.entries))

    async def _work(self, deliveries: Sequence[Delivery]) -> None:
        await self._pass_over(deliveries)
        left: Sequence[Delivery] = [delivery for delivery in deliveries if self._owes(delivery)]
        # Scoring takes time: what was young when it was read may be too old by its turn.
        while left := await self._without_old(left):
            await self._have_loaded()
            portion = self._portion(left)
            await self._keep(await self.responder.respond(portion))
            left = left[len(portion) :]

    async def _without_old(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        """Give up what has waited for too long."""
        old = self._old(deliveries)
        await self._shed(old)
        return deliveries[len(old) :]

    def _old(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        """What has waited for too long; entries are in the order of the log."""
        oldest = self._now() - self._limits.patience_seconds
        return [*takewhile(lambda delivery: delivery.logged_at < oldest, deliveries)]

    def _owes(self, delivery: Delivery) -> bool:
        return delivery.heading is not None and self.version in delivery.heading.challengers

    def _portion(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        """As many as fit into a call, by what calls cost at that time; one at least."""
        stop, rows = 1, deliveries[0].rows
        most = self.responder.most_rows
        while stop < len(deliveries) and rows + deliveries[stop].rows <= most:
            rows += deliveries[stop].rows
            stop += 1
        return deliveries[:stop]

    async def _pass_over(self, deliveries: Sequence[Delivery]) -> None:
        """What owes nothing is finished; what a newer process may read stays."""
        sound = [d for d in deliveries if not (d.corrupt or d.unknown_schema or self._owes(d))]
        if sound:
            await self._inbox.acknowledge([delivery.entry for delivery in sound])
        await self._drop_corrupt([delivery.entry for delivery in deliveries if delivery.corrupt])
        for delivery in deliveries:
            if delivery.unknown_schema:
                self._metrics.unreadable(self.deployment, self.version)

    async def _drop_corrupt(self, entries: Sequence[bytes]) -> None:
        for _ in range(await self._inbox.acknowledge(entries) if entries else 0):
            self._metrics.unreadable(self.deployment, self.version)

    async def _shed(self, deliveries: Sequence[Delivery]) -> None:
        """Give up what is too old, so that nobody has to keep it for this reader."""
        if deliveries:
            reason = f"not answered within {self._limits.patience_seconds:g} s"
            rows = await self._keep(self.responder.give_up(deliveries, reason))
            self._metrics.shed(self.deployment, self.version, rows)

    async def _shed_old(self) -> None:
        """What a version that is not loaded holds up must not be held up for ever."""
        if (await self._inbox.backlog()).behind_seconds <= self._limits.patience_seconds:
            return
        after = _START
        while found := await self._inbox.unfinished(after, self._most):
            if not await self._shed_among(found):
                return
            after = found[-1].entry
        while found := await self._inbox.arrived(self._most):
            self._begin_again = True  # what is young among them is answered when it is loaded
            if not await self._shed_among(found):
                return

    async def _shed_among(self, found: Sequence[Delivery]) -> bool:
        """Give up what is old; whether all was, so that what comes next may be too."""
        self._adapt(found)
        old = self._old(found)
        readable = [delivery for delivery in old if not delivery.unknown_schema]
        await self._pass_over(readable)
        await self._shed([delivery for delivery in readable if self._owes(delivery)])
        return len(old) == len(found)

    async def _keep(self, answers: Answers) -> int:
        """How many rows' pairs were kept; each entry's once, whoever else has it in hand."""
        kept = 0
        for paired in answers.paired:
            whole = await self._inbox.finish(paired.entries, paired.fields)
            if whole:
                kept += self._count(paired)
            elif len(paired.entries) > 1:
                kept += await self._keep(Answers(self.responder.apart(paired)))
        await self._drop_corrupt(answers.corrupt)
        return kept

    def _count(self, paired: Paired) -> int:
        for outcome, rows in paired.outcomes.items():
            if rows:
                self._metrics.paired(self.deployment, self.version, outcome, rows)
        if paired.timed_main:
            deployment, main = self.deployment, paired.main
            self._metrics.timed(deployment, Role.MAIN, main, paired.timed_main)
            self._metrics.timed(deployment, Role.CHALLENGER, self.version, paired.timed_challenger)
        return sum(paired.rows)

    async def _rest(self, deliveries: Sequence[Delivery]) -> None:
        """A retired version that has nothing to do holds no process, and ends in the end."""
        if not self.retired or any(self._owes(delivery) for delivery in deliveries):
            self._busy_at = self._clock()
        idle = self._clock() - self._busy_at > _LINGER_SECONDS
        if idle and self._caught_up and self._unfinished_after is None:
            await self.responder.close()
            if self.over:
                await self._end()

    async def _end(self) -> None:
        # What is unfinished stays for a process of a newer schema, or is another reader's.
        await self._inbox.leave()
        self._metrics.forget(self.deployment, self.version)
        self.ended.set()
        self._on_end()
