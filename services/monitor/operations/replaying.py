"""Replays under way and done: answers come in batches, and a judgement comes out.

They are kept in memory, a bounded number of them for a bounded time: one that is lost is run again.
"""

import asyncio
import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from services.monitor.domain.deciding.comparison import compare
from services.monitor.domain.deciding.concluding import Rival, contest, told
from services.monitor.domain.deciding.judge import Case, judge
from services.monitor.domain.deciding.judgement import Judgement
from services.monitor.domain.errors import (
    OutOfSequenceError,
    TooManyReplaysError,
    UnknownReplayError,
)
from services.monitor.domain.outcomes.replayed import Candidate, Replayed, replayed
from services.monitor.domain.rows import Responses
from services.monitor.operations.sources import Clock
from services.monitor.operations.terms import terms_of
from services.monitor.ports import Outcomes, References
from understudy.contracts.idempotency import IdempotencyKeyReusedError, require_well_formed
from understudy.contracts.registry import DeploymentSnapshot
from understudy.contracts.vocabulary import Scope
from understudy.runtime.keys import Caller, ForbiddenError

_MOST: Final = 50
_MOST_OF_KEY: Final = 5
_MOST_UNFINISHED: Final = 20
_IDLE_SECONDS: Final = 600.0
"""After so long without a word an unfinished replay is given up."""


@dataclass(frozen=True, slots=True)
class Replay:
    """One replay as it stands."""

    id: str
    deployment: str
    release: int
    candidate: Candidate
    since: datetime
    until: datetime
    begun_at: datetime
    touched_at: float
    owner: str
    """The id of the key that began it."""
    key: str | None = None
    """The `Idempotency-Key` that it was begun with."""
    batches: int = 0
    counted: Replayed = field(default_factory=Replayed)
    judgement: Judgement | None = None


class Replaying:
    """All replays of this process."""

    def __init__(self, outcomes: Outcomes, references: References, clock: Clock) -> None:
        self._outcomes = outcomes
        self._references = references
        self._clock = clock
        self._replays: dict[str, Replay] = {}
        # One batch of a replay at a time: what is counted depends on what was.
        self._turns: dict[str, asyncio.Lock] = {}

    async def begin(
        self,
        deployment: DeploymentSnapshot,
        version: int,
        since: datetime,
        until: datetime,
        *,
        owner: str,
        key: str | None = None,
    ) -> Replay:
        """On the terms that hold now; with the key of one that is kept, that one.

        Raises TooManyReplaysError, InvalidIdempotencyKeyError or IdempotencyKeyReusedError.
        """
        if key is not None:
            require_well_formed(key)
        main = deployment.version(deployment.main)
        terms = await terms_of(deployment, main, self._references)
        self._forget()
        before = self._begun_with(owner, key)
        if before is not None:
            asked = before.deployment, before.candidate.version, before.since, before.until
            if asked != (deployment.name, version, since, until):
                raise IdempotencyKeyReusedError
            return before
        self._check_room(owner)
        now = self._clock()
        made = Replay(
            id=uuid.uuid4().hex,
            deployment=deployment.name,
            release=deployment.release,
            candidate=Candidate(deployment.main, version, terms, deployment.release),
            since=since,
            until=until,
            begun_at=datetime.fromtimestamp(now, UTC),
            touched_at=now,
            owner=owner,
            key=key,
        )
        self._replays[made.id], self._turns[made.id] = made, asyncio.Lock()
        return made

    def get(self, deployment: str, replay_id: str) -> Replay:
        """Raises UnknownReplayError."""
        found = self._replays.get(replay_id)
        if found is None or found.deployment != deployment:
            raise UnknownReplayError(
                f"There is no replay {replay_id!r} of {deployment}; replays are kept in the memory "
                "of the monitor that began them. Run it again."
            )
        return found

    def own(self, deployment: str, replay_id: str, caller: Caller) -> Replay:
        """To change it: of whoever began it, or for an admin.

        Raises UnknownReplayError or ForbiddenError.
        """
        held = self.get(deployment, replay_id)
        if caller.actor != held.owner and Scope.ADMIN not in caller.scopes:
            raise ForbiddenError("Only the key that began a replay, or an admin's, changes it.")
        return held

    def all_of(self, deployment: str) -> list[Replay]:
        """The newest first."""
        return [each for each in self._replays.values() if each.deployment == deployment][::-1]

    async def add(
        self,
        deployment: str,
        replay_id: str,
        sequence: int,
        ids: list[str],
        responses: Responses,
        *,
        by: Caller,
    ) -> Replay:
        """Count a batch once. Raises as `own`, and OutOfSequenceError."""
        self.own(deployment, replay_id, by)
        async with self._turns[replay_id]:
            held = self.get(deployment, replay_id)
            if sequence == held.batches - 1:
                return held
            if sequence != held.batches or held.judgement is not None:
                raise OutOfSequenceError(f"The next batch of the replay is {held.batches}.")
            known = await self._outcomes.joined(deployment, ids)
            now = self._clock()
            counted = await asyncio.to_thread(replayed, held.candidate, known, ids, responses, now)
            return self._keep(held, batches=sequence + 1, counted=held.counted + counted)

    async def finish(self, deployment: str, replay_id: str, *, by: Caller) -> Replay:
        """Judge by what was counted; the same again when it was finished. Raises as `own`."""
        self.own(deployment, replay_id, by)
        async with self._turns[replay_id]:
            held = self.get(deployment, replay_id)
            if held.judgement is not None:
                return held
            judgement = await asyncio.to_thread(conclude_replay, held, self._clock())
            return self._keep(held, judgement=judgement)

    def give_up(self, deployment: str, replay_id: str, caller: Caller) -> None:
        """Forget it. Raises as `own`."""
        self.own(deployment, replay_id, caller)
        del self._replays[replay_id], self._turns[replay_id]

    def _begun_with(self, owner: str, key: str | None) -> Replay | None:
        if key is None:
            return None
        mine = (held for held in self._replays.values() if held.owner == owner)
        return next((held for held in mine if held.key == key), None)

    def _check_room(self, owner: str) -> None:
        """So that no key keeps others from replaying."""
        owners = [held.owner for held in self._replays.values() if held.judgement is None]
        if owners.count(owner) >= _MOST_OF_KEY:
            raise TooManyReplaysError(
                f"{_MOST_OF_KEY} replays of this key are under way; finish or delete one.",
                retry_after=60.0,
            )
        if len(owners) >= _MOST_UNFINISHED:
            raise TooManyReplaysError(
                f"{_MOST_UNFINISHED} replays are under way; wait until one has ended.",
                retry_after=60.0,
            )

    def _keep(self, held: Replay, **changed: object) -> Replay:
        self.get(held.deployment, held.id)  # it may have been given up meanwhile
        kept = replace(held, touched_at=self._clock(), **changed)  # type: ignore[arg-type]
        self._replays[held.id] = kept
        return kept

    def _forget(self) -> None:
        """What is idle, and the oldest beyond so many."""
        before = self._clock() - _IDLE_SECONDS
        idle = [
            name
            for name, held in self._replays.items()
            if held.judgement is None and held.touched_at < before
        ]
        done = [name for name, held in self._replays.items() if held.judgement is not None]
        for name in [*idle, *done[: max(0, len(self._replays) - len(idle) - _MOST + 1)]]:
            del self._replays[name], self._turns[name]


def conclude_replay(replay: Replay, now: float) -> Judgement:
    """The live comparison and the live judge, on what the replay counted; there are no rails."""
    candidate, terms = replay.candidate, replay.candidate.terms
    begins = terms.cohort_start(replay.since.timestamp())
    rival = Rival(candidate.version, replay.release, begins)
    found = contest(rival, candidate.main, terms, replay.counted.cohorts, now)
    reading = compare(found, terms, challengers=1)
    case = Case(
        main=candidate.main,
        previous_main=None,
        rows=replay.counted.rows,
        main_rails=(),
        comparisons=(reading,),
        concept=None,
    )
    base = told(replay.deployment, replay.release, terms, judge(case), now)
    return replace(base, comparisons=(reading,), replay=True)
