"""A challenger version as the challenger process holds it: what its child does is an outcome.

Entries are scored together. When the child is lost over that, their rows go one by one to a new
one: the row that takes it along is recorded as failed, the others get their answers. When several
rows in a row take it along, the rest at hand is recorded as failed too, and later batches begin
with a single row until one is answered again.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from services.serving.adapters.scoring.deliveries import apart, of_group, paired_as, read
from services.serving.adapters.scoring.frames import Fields, Score, Scored
from services.serving.adapters.scoring.pace import Pace
from services.serving.adapters.scoring.pairs import (
    by_release,
    pairs_joined,
    part_of,
    unanswered,
)
from services.serving.adapters.scoring.process import LostError, ScoringProcess
from services.serving.adapters.scoring.workshop import LoadFailedError, Workshop
from services.serving.metrics import ChallengerMetrics
from services.serving.ports import Answers, Delivery, Paired, Usage
from understudy.contracts.events import (
    PairBatch,
    PredictionBatch,
    decode_pairs,
    encode,
)
from understudy.contracts.registry import ServedVersion
from understudy.contracts.vocabulary import Outcome
from understudy.runtime.loops import Backoff

_MOST_LOSSES: Final = 3
"""In a row, before rows are given up untried."""
_RESTARTS: Final = Backoff(0.2, 30.0)


@dataclass(frozen=True, slots=True)
class CallLimits:
    """What one challenger may take."""

    call_seconds: float
    most_rows: int
    patience_seconds: float
    """Rows that have waited for so long are given up."""


@dataclass(slots=True)
class _Attempt:
    """What is known while the rows of one batch are retried."""

    singly: bool
    given_up: LostError | None = None
    losses: int = 0


class ProcessResponder:
    """Implements `ports.Responder` with one child process at a time."""

    def __init__(
        self,
        deployment: str,
        served: ServedVersion,
        workshop: Workshop,
        metrics: ChallengerMetrics,
        limits: CallLimits,
        *,
        restarts: Backoff = _RESTARTS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._deployment = deployment
        self._served = served
        self._workshop = workshop
        self._metrics = metrics
        self._limits = limits
        self._restarts = restarts
        self._clock = clock
        self._pace = Pace(limits.call_seconds, limits.most_rows)
        self._process: ScoringProcess | None = None
        self._main: ServedVersion | None = None
        self._main_is_in = False
        self._timed = True
        self._losses_in_a_row = 0

    @property
    def served(self) -> ServedVersion:
        """Which version it is."""
        return self._served

    @property
    def most_rows(self) -> int:
        """Adapts to what calls cost."""
        return self._pace.rows

    async def start(self) -> None:
        """Run and load it. Raises LoadFailedError, or what fetching raises."""
        if self._process is None:
            if self._losses_in_a_row:
                await asyncio.sleep(self._restarts.delay(self._losses_in_a_row))
            self._process, row_seconds = await self._workshop.begin(self._served)
            self._pace.begin(row_seconds)
            self._main_is_in = False
        if self._main is not None and self._timed and not self._main_is_in:
            await self._have_main(self._process, self._main)

    async def respond(self, deliveries: Sequence[Delivery]) -> Answers:
        """Raises LoadFailedError when the child can't be had again."""
        await self.start()
        attempt = _Attempt(singly=False)
        rows = sum(delivery.rows for delivery in deliveries)
        if self._losses_in_a_row < _MOST_LOSSES and rows <= max(1, self.most_rows):
            try:
                return await self._together(deliveries)
            except LostError:
                attempt.singly = True
        answers = await self._apart(deliveries, attempt)
        if attempt.singly and attempt.losses == 0 and self._main_is_in:
            # Every row is harmless by itself: it may have been the main version beside it.
            self._timed = False
        return answers

    def give_up(self, deliveries: Sequence[Delivery], reason: str) -> Answers:
        """Pairs whose rows timed out without being tried."""
        found = [(delivery.entry, read(delivery)) for delivery in deliveries]
        whole = [(entry, batch) for entry, batch in found if batch is not None]
        paired = []
        for group in by_release(whole, lambda pair: pair[1]):
            batches = [batch for _, batch in group]
            pairs = self._unanswered(batches, Outcome.TIMEOUT, reason)
            rows = [len(batch.ids) for batch in batches]
            paired.append(paired_as([entry for entry, _ in group], rows, pairs))
        return Answers(paired, [entry for entry, batch in found if batch is None])

    def apart(self, paired: Paired) -> Sequence[Paired]:
        """The same pairs, by entry."""
        return apart(paired)

    def beside(self, main: ServedVersion) -> None:
        """Loaded with the next call; one that can't be loaded is not tried again."""
        if main != self._main:
            self._main, self._main_is_in, self._timed = main, False, self._workshop.times

    def usage(self) -> Usage | None:
        """What the child takes."""
        return None if self._process is None else self._process.usage()

    async def close(self) -> None:
        """Kill the child."""
        process, self._process = self._process, None
        if process is not None:
            await process.end()

    async def _together(self, deliveries: Sequence[Delivery]) -> Answers:
        scored = await self._score([{**d.fields} for d in deliveries], timed=True)
        return Answers(
            [of_group(group, deliveries) for group in scored.groups],
            [deliveries[index].entry for index in scored.corrupt],
        )

    async def _apart(self, deliveries: Sequence[Delivery], attempt: _Attempt) -> Answers:
        paired, corrupt = list[Paired](), list[bytes]()
        for delivery in deliveries:
            batch = read(delivery)
            if batch is None:
                corrupt.append(delivery.entry)
            else:
                pairs = await self._pairs(batch, delivery.logged_at, attempt)
                paired.append(paired_as([delivery.entry], [len(batch.ids)], pairs))
        return Answers(paired, corrupt)

    async def _pairs(
        self, batch: PredictionBatch, logged_at: float, attempt: _Attempt
    ) -> PairBatch:
        """In parts that fit into a call; row by row where a part took the child along."""
        parts, start, rows = list[PairBatch](), 0, len(batch.ids)
        singly_until = rows if attempt.singly else 0
        while start < rows:
            if (hopeless := self._hopeless(logged_at, attempt)) is not None:
                parts.append(self._unanswered([part_of(batch, start, rows)], *hopeless))
                break
            one = start < singly_until or self._losses_in_a_row >= _MOST_LOSSES
            part = part_of(batch, start, start + (1 if one else self.most_rows))
            pairs = await self._try(part, attempt)
            if pairs is None:
                singly_until = start + len(part.ids)
            else:
                parts.append(pairs)
                start += len(part.ids)
        return pairs_joined(parts)

    def _hopeless(self, logged_at: float, attempt: _Attempt) -> tuple[Outcome, str] | None:
        """Why the remaining rows of an entry are given up, if they are."""
        if attempt.given_up is not None:
            return attempt.given_up.outcome, str(attempt.given_up)
        if self._clock() - logged_at > self._limits.patience_seconds:
            return Outcome.TIMEOUT, f"not answered within {self._limits.patience_seconds:g} s"
        return None

    async def _try(self, part: PredictionBatch, attempt: _Attempt) -> PairBatch | None:
        """None when several rows took the child along, so that nobody knows which of them did."""
        try:
            scored = await self._score([encode(part)], timed=False)
        except LostError as lost:
            if len(part.ids) > 1:
                return None
            attempt.losses += 1
            if self._losses_in_a_row >= _MOST_LOSSES:
                attempt.given_up = lost
            return self._unanswered([part], lost.outcome, str(lost))
        return decode_pairs(scored.groups[0].pairs)

    async def _score(self, entries: list[Fields], *, timed: bool) -> Scored:
        """Raises LostError, and LoadFailedError when there was no child to ask."""
        await self.start()
        process = self._process
        if process is None:
            raise LoadFailedError("it was closed")
        try:
            reply = await process.ask(
                Score(entries=entries, timed=timed and self._timed), self._limits.call_seconds
            )
        except LostError as lost:
            self._note(lost)
            raise
        if not isinstance(reply, Scored):
            raise LoadFailedError(f"it answered with {type(reply).__name__}")
        rows = sum(sum(group.rows) for group in reply.groups)
        self._losses_in_a_row = 0
        self._pace.note(rows, reply.seconds)
        self._metrics.scored(self._deployment, self._served.version, rows, reply.seconds)
        return reply

    async def _have_main(self, process: ScoringProcess, main: ServedVersion) -> None:
        """Whatever goes wrong with it: no timing, and no harm."""
        try:
            self._main_is_in = self._timed = await self._workshop.beside(process, main)
        except LostError as lost:
            self._timed = False
            self._note(lost)
            await self.start()

    def _note(self, lost: LostError) -> None:
        self._process, self._main_is_in = None, False
        self._losses_in_a_row += 1
        self._metrics.restarted(self._deployment, self._served.version, lost.loss)

    def _unanswered(
        self, batches: Sequence[PredictionBatch], outcome: Outcome, reason: str
    ) -> PairBatch:
        target = self._served.signature.target
        return unanswered(batches, self._served.version, target, outcome, reason)
