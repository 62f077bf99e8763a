"""A replay concludes what live traffic would have, and touches nothing that is live."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import pytest

from services.monitor.domain.deciding.concluding import Rival, contest
from services.monitor.domain.errors import (
    OutOfSequenceError,
    TooManyReplaysError,
    UnknownReplayError,
)
from services.monitor.domain.outcomes.facts import Incoming
from services.monitor.domain.outcomes.replayed import Candidate
from services.monitor.domain.rows import LabelRows, PairRows, PredictionRows, Responses
from services.monitor.operations.replaying import Replay, Replaying
from tests.fakes.labelled_rows import BINARY, DAY, START, terms
from tests.fakes.monitor import MemoryReferences
from tests.fakes.monitor_entries import NAME, deployment
from tests.fakes.outcomes import MemoryOutcomes
from understudy.contracts.idempotency import (
    IdempotencyKeyReusedError,
    InvalidIdempotencyKeyError,
)
from understudy.contracts.judging import ComparisonTerms, Judging
from understudy.contracts.policy import Policy
from understudy.contracts.registry import DeploymentSnapshot
from understudy.contracts.vocabulary import Scope, Verdict
from understudy.profiles.arrays import Floats
from understudy.profiles.columns import Column
from understudy.runtime.keys import Caller, ForbiddenError, Grant

pytestmark = pytest.mark.anyio

ROWS = 2_000
POLICY = Policy(judging=Judging(comparison=ComparisonTerms(label_horizon_seconds=DAY)))
CANDIDATE = Candidate(main=1, version=7, terms=terms(), release=1)
SINCE = datetime.fromtimestamp(START, UTC)
UNTIL = datetime.fromtimestamp(START + 30 * DAY, UTC)
OWNER = Caller("a", (Grant(frozenset({Scope.READ})),))


def judged() -> DeploymentSnapshot:
    return deployment().model_copy(update={"policy": POLICY})


def responses(yes: Floats) -> Responses:
    return Responses((yes > 0.5).astype(float), np.stack([1 - yes, yes], axis=1), ("no", "yes"))


@dataclass
class World:
    """Predictions of ten days with their labels, and a candidate that knows better."""

    outcomes: MemoryOutcomes = field(default_factory=MemoryOutcomes)
    now: float = START + 30 * DAY

    def __post_init__(self) -> None:
        rng = np.random.default_rng(4)
        self.replaying = Replaying(self.outcomes, MemoryReferences({}), lambda: self.now)
        self.ids = [f"p{row}" for row in range(ROWS)]
        self.at = START + rng.random(ROWS) * 10 * DAY
        truth = rng.random(ROWS)
        self.labels = (rng.random(ROWS) < truth).tolist()
        self.main = np.clip(truth + rng.normal(0, 0.3, ROWS), 0.01, 0.99)
        self.better = np.clip(truth + rng.normal(0, 0.02, ROWS), 0.01, 0.99)

    async def tell(self, *, main: int = 1, pairs: bool = False) -> None:
        nothing, columns = np.full(ROWS, np.nan), dict[str, Column]()
        asked = PredictionRows(1, main, self.ids, self.at, nothing, columns, responses(self.main))
        paired = PairRows(
            *(1, main, 7, self.ids, self.at, responses(self.main), responses(self.better)),
            *(nothing, ["ok"] * ROWS, nothing, nothing),
        )
        said = tuple("yes" if label else "no" for label in self.labels)
        received = tuple((self.at + 60.0).tolist())
        labels = LabelRows(tuple(self.ids), said, received, (None,) * ROWS, (None,) * ROWS)
        await self.outcomes.apply(
            Incoming(
                *(NAME, BINARY, CANDIDATE.terms, (asked,)),
                pairs=(paired,) if pairs else (),
                labels=(labels,),
            )
        )

    async def begin(
        self, owner: str = "a", key: str | None = None, until: datetime = UNTIL
    ) -> Replay:
        return await self.replaying.begin(judged(), 7, SINCE, until, owner=owner, key=key)

    async def add(self, replay: Replay, sequence: int, first: int, stop: int) -> Replay:
        part = slice(first, stop)
        found = responses(self.better[part])
        return await self.replaying.add(NAME, replay.id, sequence, self.ids[part], found, by=OWNER)

    async def replay(self) -> Replay:
        begun = await self.begin()
        for sequence, first in enumerate(range(0, ROWS, 500)):
            await self.add(begun, sequence, first, first + 500)
        return await self.replaying.finish(NAME, begun.id, by=OWNER)


async def test_a_replay_counts_what_live_pairs_would_have_counted() -> None:
    history, live = World(), World()
    await history.tell()
    await live.tell(pairs=True)
    found = (await history.replay()).judgement
    assert found is not None
    (reading,) = found.comparisons
    cohorts = await live.outcomes.tallies(NAME, 0.0)
    expected = contest(Rival(7, 1, START), 1, CANDIDATE.terms, cohorts, live.now)
    assert dict(reading.state) == dict(expected.matured.sparse())
    assert (found.verdict, found.version, found.replay) == (Verdict.PROMOTE, 7, True)


async def test_nothing_live_is_touched() -> None:
    world = World()
    await world.tell()
    before = await world.outcomes.tallies(NAME, 0.0)
    await world.replay()
    after = await world.outcomes.tallies(NAME, 0.0)
    assert [*after] == [*before]
    assert not any(7 in tally.couples or 7 in tally.versions for tally in after.values())


async def test_a_batch_that_is_sent_again_counts_once() -> None:
    world = World()
    await world.tell()
    begun = await world.begin()
    for _ in range(2):
        found = await world.add(begun, 0, 0, 300)
    assert (found.counted.rows, found.batches) == (300, 1)
    with pytest.raises(OutOfSequenceError):
        await world.add(begun, 2, 300, 600)
    await world.replaying.finish(NAME, begun.id, by=OWNER)
    with pytest.raises(OutOfSequenceError):
        await world.add(begun, 1, 300, 600)
    again = await world.replaying.finish(NAME, begun.id, by=OWNER)
    assert again.judgement is not None


async def test_rows_that_can_not_be_compared_are_counted_apart() -> None:
    world = World()
    begun = await world.begin()
    assert (await world.add(begun, 0, 0, 100)).counted.unknown == 100
    await world.tell(main=3)
    assert (await world.add(begun, 1, 100, 200)).counted.unknown == 200
    young = World(now=START + 1.5 * DAY)
    await young.tell()
    found = (await young.replay()).counted
    assert found.young > 0
    assert found.compared + found.young == ROWS


async def test_without_matured_labels_there_is_no_verdict() -> None:
    world = World()
    begun = await world.begin()
    await world.add(begun, 0, 0, 100)
    found = (await world.replaying.finish(NAME, begun.id, by=OWNER)).judgement
    assert found is not None
    assert found.verdict is Verdict.NO_DATA


async def test_replays_are_bounded_and_idle_ones_given_up() -> None:
    world = World()
    begun = [await world.begin() for _ in range(5)]
    with pytest.raises(TooManyReplaysError, match="of this key"):
        await world.begin()
    for owner in "bbbbbcccccddddd":
        await world.begin(owner)
    with pytest.raises(TooManyReplaysError, match="20 replays are under way"):
        await world.begin("e")
    world.now += 601.0
    newest = await world.begin()
    with pytest.raises(UnknownReplayError):
        world.replaying.get(NAME, begun[0].id)
    with pytest.raises(UnknownReplayError):
        world.replaying.get("another", newest.id)
    for _ in range(60):
        await world.replaying.finish(NAME, (await world.begin()).id, by=OWNER)
    assert len(world.replaying.all_of(NAME)) <= 50


async def test_a_replay_is_ended_by_who_began_it_or_an_admin() -> None:
    world = World()
    begun, other = await world.begin(), await world.begin()
    with pytest.raises(ForbiddenError):
        world.replaying.give_up(NAME, begun.id, Caller("b", (Grant(frozenset({Scope.READ})),)))
    world.replaying.give_up(NAME, begun.id, Caller("a", (Grant(frozenset({Scope.READ})),)))
    world.replaying.give_up(NAME, other.id, Caller("b", (Grant(frozenset({Scope.ADMIN})),)))
    assert world.replaying.all_of(NAME) == []
    with pytest.raises(UnknownReplayError):
        await world.add(begun, 0, 0, 10)


async def test_who_asks_again_with_the_same_key_finds_the_replay_that_was_begun() -> None:
    world, key = World(), "3f1a0d4e-9d6b-4d53-8f6f-6f0a3f7f2b11"
    begun = await world.begin(key=key)
    assert await world.begin(key=key) == begun
    assert (await world.begin("b", key=key)).id != begun.id
    assert (await world.begin()).id != (await world.begin()).id
    with pytest.raises(IdempotencyKeyReusedError):
        await world.begin(key=key, until=SINCE)
    with pytest.raises(InvalidIdempotencyKeyError):
        await world.begin(key="short")
