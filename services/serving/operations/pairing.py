"""One challenger version's reader: takes what the log holds for it, scores, appends pairs."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from services.serving.domain.scoring import Loaded
from services.serving.metrics import ChallengerMetrics
from services.serving.operations.responding import respond
from services.serving.ports import Delivery, Inbox
from understudy.contracts.events import PairBatch
from understudy.contracts.vocabulary import Outcome

_LOOK_FOR_ABANDONED_SECONDS = 20.0
# Serving may still hold rows of a release that is over: as long as its buffer takes to empty.
_LINGER_SECONDS = 60.0
_START = b"0"


class Pairing:
    """Reads the prediction stream of a deployment for one version. `step` is called in a loop."""

    def __init__(
        self,
        deployment: str,
        version: int,
        since: datetime,
        *,
        load: Callable[[], Awaitable[Loaded]],
        inbox: Inbox,
        metrics: ChallengerMetrics,
        on_end: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.deployment = deployment
        self.version = version
        self.name = f"{deployment}/{version}"
        self.ended = asyncio.Event()
        self.failure: str | None = None
        """Why the last step failed."""
        self.loaded: Loaded | None = None
        self.retired = False
        """No release names it any more: it ends when it has read everything."""
        self._since = since
        self._load = load
        self._inbox = inbox
        self._metrics = metrics
        self._on_end = on_end
        self._clock = clock
        # Its own, so that a version that hangs holds up no other.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"pairing {self.name}")
        self._opened = False
        self._unfinished_after: bytes | None = _START
        self._look_again_at = clock()
        self._busy_at = clock()

    async def step(self) -> None:
        """Do what is next: load, open, then what was left unfinished, then what is new."""
        if self.loaded is None:
            self.loaded = await self._load()
        if not self._opened:
            await self._inbox.open(self._since)
            self._opened = True
        deliveries = await self._next()
        await self._work(self.loaded, deliveries)
        self.failure = None
        if deliveries or not self.retired:
            self._busy_at = self._clock()
        elif self._clock() - self._busy_at > _LINGER_SECONDS:
            self._end()

    def close(self) -> None:
        """Forget what has not begun."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def note_failure(self, error: Exception) -> None:
        """Begin again with what was left unfinished; the place in the stream may be gone too."""
        self.failure = f"{type(error).__name__}: {error}"[:500]
        self._metrics.failed(self.deployment, self.version)
        self._opened = False
        self._unfinished_after = _START

    async def watch(self) -> None:
        """Publish how much is left to do."""
        if self._opened:
            left = await self._inbox.backlog()
            self._metrics.behind(self.deployment, self.version, left.pending, left.behind_seconds)

    def _end(self) -> None:
        self._metrics.forget(self.deployment, self.version)
        self.loaded = None
        self.ended.set()
        self.close()
        self._on_end()

    async def _next(self) -> list[Delivery]:
        if self._unfinished_after is not None:
            found = await self._inbox.unfinished(self._unfinished_after)
            self._unfinished_after = found[-1].entry if found else None
            return found
        if self._clock() >= self._look_again_at:
            self._look_again_at = self._clock() + _LOOK_FOR_ABANDONED_SECONDS
            return await self._inbox.abandoned()
        return await self._inbox.arrived()

    async def _work(self, challenger: Loaded, deliveries: Sequence[Delivery]) -> None:
        owed = [d for d in deliveries if d.batch and self.version in d.batch.challengers]
        pairs = await self._respond(challenger, owed) if owed else {}
        for delivery in deliveries:
            if delivery.unknown_schema:
                self._metrics.unreadable(self.deployment, self.version)
            elif await self._inbox.finish(delivery.entry, pairs.get(delivery.entry)):
                self._count(pairs.get(delivery.entry))
                if delivery.corrupt:
                    self._metrics.unreadable(self.deployment, self.version)

    async def _respond(
        self, challenger: Loaded, owed: Sequence[Delivery]
    ) -> dict[bytes, PairBatch]:
        batches = [delivery.batch for delivery in owed if delivery.batch is not None]
        started = time.perf_counter()
        loop = asyncio.get_running_loop()
        pairs = await loop.run_in_executor(self._thread, respond, challenger, batches)
        seconds = time.perf_counter() - started
        rows = sum(len(batch.ids) for batch in batches)
        self._metrics.scored(self.deployment, self.version, rows, seconds)
        return {delivery.entry: pair for delivery, pair in zip(owed, pairs, strict=True)}

    def _count(self, pairs: PairBatch | None) -> None:
        if pairs is None:
            return
        for outcome in Outcome:
            if rows := pairs.outcomes.count(outcome):
                self._metrics.paired(self.deployment, self.version, outcome, rows)
