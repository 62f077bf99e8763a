"""A challenger's reader against a real Redis: every entry gets its pairs once."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
import redis
import redis.asyncio
from prometheus_client import CollectorRegistry

from services.serving.adapters.inbox import RedisInbox, RedisPlaces
from services.serving.adapters.log_entries import prediction_batch
from services.serving.domain.table import Live
from services.serving.metrics import ChallengerMetrics
from services.serving.operations.challenges import Challenges
from services.serving.operations.leftovers import Leftovers
from services.serving.operations.pairing import Pairing, ReadingLimits
from services.serving.ports import Answered, Answers, Backlog, Delivery
from tests.fakes.challengers import FakeResponder
from tests.fakes.serving import UNLUCKY_WIDTH, LengthRunner, deployment, entries, loaded, ruled
from understudy.contracts.events import (
    NumberColumn,
    PairBatch,
    PredictionBatch,
    Scores,
    decode_pairs,
    encode,
    pack,
    pairs_key,
    predictions_key,
    unpack,
)
from understudy.contracts.registry import Snapshot
from understudy.inference.rows import Rows
from understudy.inference.scored import Scored
from understudy.runtime.redis_client import redis_client

pytestmark = pytest.mark.anyio

STREAM, PAIRS = predictions_key("flowers"), pairs_key("flowers")
CHALLENGER = 2

UNEVEN = PredictionBatch(
    deployment="flowers",
    release=1,
    main=1,
    challengers=(CHALLENGER,),
    ids=["x", "y"],
    at=pack([0.0, 0.0]),
    seconds=pack([0.0, 0.0]),
    columns=[
        NumberColumn(name="length", data=pack([1.0, 2.0])),
        NumberColumn(name="width", data=pack([1.0])),
    ],
    scores=Scores(values=pack([0.0, 0.0])),
)
"""Decodes, but one column lacks a row."""


class World:
    """One deployment's streams, and readers of it."""

    def __init__(self, url: str) -> None:
        self.redis = redis.Redis.from_url(url)
        self.client: redis.asyncio.Redis = redis_client(url, 3.0, 8)
        self.numbers = CollectorRegistry()
        self.metrics = ChallengerMetrics(self.numbers)
        self.clock = 0.0
        self.later = 0.0
        """How many seconds ahead of Redis the readers' wall clock is."""
        self.responder = FakeResponder(ruled(CHALLENGER), LengthRunner())

    def log(
        self,
        name: str,
        *widths: float,
        challengers: tuple[int, ...] = (CHALLENGER,),
        release: int = 1,
        age: float = 0.0,
        failed: bool = False,
    ) -> None:
        rows = np.array([[9.0, width] for width in widths or (1.0,)])
        scored = Scored(np.zeros(len(rows)), np.tile([0.9, 0.1], (len(rows), 1)))
        if failed:
            scored = Scored(np.full(len(rows), np.nan))
        ids = [f"{name}.{index}" for index in range(len(rows))]
        live = Live(release, loaded(1), challengers)
        batch = prediction_batch(
            [Answered("flowers", live, ids, time.time(), 0.001, Rows(rows, ()), scored)]
        )
        when = f"{int((time.time() - age) * 1_000)}-0" if age else "*"
        self.redis.xadd(STREAM, encode(batch), id=when)  # type: ignore[arg-type]

    def inbox(self, consumer: str = "here") -> RedisInbox:
        return RedisInbox(
            self.client, "flowers", CHALLENGER, consumer=consumer, wait_milliseconds=10
        )

    def pairing(self, inbox: RedisInbox | None = None, since: datetime | None = None) -> Pairing:
        return Pairing(
            "flowers",
            CHALLENGER,
            since or datetime.now(UTC),
            responder=self.responder,
            inbox=inbox or self.inbox(),
            metrics=self.metrics,
            limits=ReadingLimits(
                entries=100, rows=1_000, linger_seconds=0.0, patience_seconds=3_600.0
            ),
            clock=lambda: self.clock,
            now=lambda: time.time() + self.later,
        )

    def sample(self, name: str, **labels: str) -> float | None:
        of = {"deployment": "flowers", "version": str(CHALLENGER), **labels}
        return self.numbers.get_sample_value(f"understudy_{name}", of)

    def groups(self) -> list[bytes]:
        found: Any = self.redis.xinfo_groups(STREAM)
        return [group["name"] for group in found]

    def pairs(self) -> list[PairBatch]:
        return [decode_pairs(fields) for fields in entries(self.redis, PAIRS)]

    def ids(self) -> list[str]:
        return [name for batch in self.pairs() for name in batch.ids]

    def unreadable(self) -> float | None:
        labels = {"deployment": "flowers", "version": str(CHALLENGER)}
        name = "understudy_challenger_unreadable_entries_total"
        return self.numbers.get_sample_value(name, labels)

    def pending(self) -> int:
        found: Any = self.redis.xpending(STREAM, f"challenger:{CHALLENGER}")
        return int(found["pending"])


@pytest.fixture
async def world(redis_url: str) -> AsyncIterator[World]:
    world = World(redis_url)
    yield world
    await world.client.aclose()
    world.redis.close()


async def steps(pairing: Pairing, count: int = 3) -> None:
    for _ in range(count):
        await pairing.step()


async def test_rows_that_are_owed_get_pairs_with_both_responses(world: World) -> None:
    world.log("a", 1.0, 2.0)
    world.log("not-owed", challengers=(3,))
    world.log("b")
    await steps(world.pairing())
    (first,) = world.pairs()
    assert first.ids == ["a.0", "a.1", "b.0"]
    assert (first.main, first.challenger, first.release) == (1, 2, 1)
    assert unpack(first.main_scores.values).tolist() == [0.0, 0.0, 0.0]
    assert unpack(first.challenger_scores.values).tolist() == [1.0, 1.0, 1.0]
    assert unpack(first.challenger_scores.probabilities, 2)[0].tolist() == pytest.approx([0.1, 0.9])
    assert first.outcomes == ["ok", "ok", "ok"]
    assert world.pending() == 0
    assert world.sample("pairs_total", outcome="ok") == 3
    assert world.responder.calls == [3]


async def test_entries_of_several_releases_become_an_entry_of_pairs_each(world: World) -> None:
    world.log("a", release=1)
    world.log("b", release=2)
    world.log("c", release=1)
    await steps(world.pairing())
    assert [(pairs.release, pairs.ids) for pairs in world.pairs()] == [
        (1, ["a.0", "c.0"]),
        (2, ["b.0"]),
    ]


async def test_calls_have_as_many_rows_as_the_challenger_can_take(world: World) -> None:
    world.responder.most_rows = 3
    for name, rows in (("a", 2), ("b", 1), ("c", 2), ("d", 4), ("e", 1)):
        world.log(name, *[1.0] * rows)
    await steps(world.pairing())
    assert world.responder.calls == [3, 2, 4, 1]
    assert len(world.ids()) == 10


async def test_readings_get_smaller_when_entries_are_large(world: World) -> None:
    for number in range(40):
        world.log(f"{number}", *[1.0] * 100)
    pairing = world.pairing()
    await steps(pairing, 3)
    assert sum(world.responder.calls) == 3_200
    assert world.sample("challenger_catching_up") == 1.0
    await steps(pairing, 1)
    assert sum(world.responder.calls) == 4_000
    assert world.sample("challenger_catching_up") == 0.0


async def test_a_row_that_fails_is_an_outcome_and_spoils_no_other(world: World) -> None:
    world.log("a", 1.0, UNLUCKY_WIDTH, 2.0)
    await steps(world.pairing())
    (pairs,) = world.pairs()
    assert pairs.outcomes == ["ok", "error", "ok"]
    assert "unlucky" in str(pairs.error)
    values = unpack(pairs.challenger_scores.values)
    assert np.isnan(values).tolist() == [False, True, False]


async def test_rows_that_the_main_failed_on_are_answered_like_others(world: World) -> None:
    world.log("a")
    world.log("b", failed=True)
    world.log("c", UNLUCKY_WIDTH, failed=True)
    await steps(world.pairing())
    found = {name: pairs for pairs in world.pairs() for name in pairs.ids}
    assert found.keys() == {"a.0", "b.0", "c.0"}
    assert np.isnan(unpack(found["b.0"].main_scores.values)).all()
    assert unpack(found["a.0"].main_scores.values).tolist() == [0.0]
    failed = found["b.0"]
    outcomes = dict(zip(failed.ids, failed.outcomes, strict=True))
    assert outcomes == {"b.0": "ok", "c.0": "error"}
    assert failed.main_scores.probabilities == b""


async def test_a_reader_that_was_killed_goes_on_where_it_was(world: World) -> None:
    for name in "abc":
        world.log(name)
    first = world.inbox()
    await first.open(datetime.now(UTC))
    taken = await first.arrived(2)
    assert len(taken) == 2
    assert await first.acknowledge([taken[0].entry]) == 1
    await steps(world.pairing(), 4)
    assert world.ids() == ["b.0", "c.0"]
    assert world.pending() == 0


async def test_an_entry_is_finished_once(world: World) -> None:
    world.log("a")
    inbox = world.inbox()
    await inbox.open(datetime.now(UTC))
    (delivery,) = await inbox.arrived(10)
    await steps(world.pairing(), 1)
    assert world.ids() == ["a.0"]
    assert not await inbox.finish([delivery.entry], encode(world.pairs()[0]))
    assert await inbox.acknowledge([delivery.entry]) == 0
    assert world.ids() == ["a.0"]


async def test_of_entries_that_another_reader_finished_in_part_the_rest_is_kept(
    world: World,
) -> None:
    for name in "abcd":
        world.log(name, 1.0, UNLUCKY_WIDTH)

    class Overtaken(RedisInbox):
        """Of which another reader finishes an entry while the challenger works."""

        async def finish(self, entries: Sequence[bytes], pairs: Mapping[bytes, bytes]) -> bool:
            if len(entries) > 1:
                await world.client.xack(STREAM, "challenger:2", entries[1])
            return await super().finish(entries, pairs)

    inbox = Overtaken(world.client, "flowers", CHALLENGER, consumer="here", wait_milliseconds=10)
    await steps(world.pairing(inbox))
    assert world.ids() == ["a.0", "a.1", "c.0", "c.1", "d.0", "d.1"]
    assert [pairs.outcomes for pairs in world.pairs()] == [["ok", "error"]] * 3
    assert world.pending() == 0
    assert world.sample("pairs_total", outcome="ok") == 3


async def test_many_entries_of_other_readers_in_between_do_not_hide_ones_own(
    world: World,
) -> None:
    for number in range(400):
        world.log(f"{number}")
    inbox, other = world.inbox(), world.inbox("other")
    await inbox.open(datetime.now(UTC))
    (first,) = await inbox.arrived(1)
    assert len(await other.arrived(398)) == 398
    (last,) = await inbox.arrived(1)
    assert await inbox.finish([last.entry, first.entry], {b"s": b"1", b"b": b""})
    assert world.pending() == 398
    assert not await inbox.finish([first.entry, last.entry], {b"s": b"1", b"b": b""})


async def test_what_waited_for_too_long_is_given_up(world: World) -> None:
    world.log("a", 1.0, 2.0)
    world.later = 3_601.0
    await steps(world.pairing())
    (pairs,) = world.pairs()
    assert pairs.outcomes == ["timeout", "timeout"]
    assert "3600" in str(pairs.error)
    assert world.responder.calls == []
    assert world.sample("challenger_shed_rows_total") == 2.0
    assert world.sample("pairs_total", outcome="timeout") == 2.0


async def test_rows_that_get_too_old_while_others_are_scored_are_given_up(world: World) -> None:
    class Slow(FakeResponder):
        async def respond(self, deliveries: Sequence[Delivery]) -> Answers:
            world.later += 2_000.0
            return await super().respond(deliveries)

    world.responder = Slow(ruled(CHALLENGER), LengthRunner())
    world.responder.most_rows = 1
    for name in "abcd":
        world.log(name)
    await steps(world.pairing())
    outcomes = dict(zip(world.ids(), (o for p in world.pairs() for o in p.outcomes), strict=True))
    assert outcomes == {"a.0": "ok", "b.0": "ok", "c.0": "timeout", "d.0": "timeout"}
    assert world.responder.calls == [1, 1]
    assert world.sample("challenger_shed_rows_total") == 2.0


async def test_a_version_that_cannot_be_loaded_holds_nothing_up_for_ever(world: World) -> None:
    world.responder.failure = ValueError("no model")
    stream_age = {"a": 4_000, "b": 10}
    pairing = world.pairing(since=datetime.now(UTC) - timedelta(hours=2))
    for name, age in stream_age.items():
        world.log(name, age=age)
    with pytest.raises(ValueError, match="no model"):
        await pairing.step()
    pairing.note_failure(world.responder.failure)
    assert world.ids() == ["a.0"]
    assert world.pending() == 1
    world.responder.failure = None
    await steps(pairing)
    assert world.ids() == ["a.0", "b.0"]
    assert [pairs.outcomes for pairs in world.pairs()] == [["timeout"], ["ok"]]


async def test_a_version_that_cannot_be_loaded_gives_up_all_that_is_old(world: World) -> None:
    world.responder.failure = ValueError("no model")
    pairing = world.pairing(since=datetime.now(UTC) - timedelta(hours=2))
    log_old(world, 150)
    with pytest.raises(ValueError, match="no model"):
        await pairing.step()
    assert (len(world.ids()), world.pending()) == (150, 0)


async def test_what_is_old_is_given_up_while_a_load_does_not_end(world: World) -> None:
    class Hanging(FakeResponder):
        loading = asyncio.Event()
        loads = asyncio.Event()

        async def start(self) -> None:
            self.loading.set()
            await self.loads.wait()

    world.responder = Hanging(ruled(CHALLENGER), LengthRunner())
    pairing = world.pairing(since=datetime.now(UTC) - timedelta(hours=2))
    log_old(world, 150)
    world.log("young")
    step = asyncio.create_task(pairing.step())
    await Hanging.loading.wait()
    await pairing.watch()
    assert (len(world.ids()), world.pending()) == (150, 1)
    Hanging.loads.set()
    await step
    await steps(pairing)
    assert world.ids()[150:] == ["young.0"]
    assert (world.pairs()[-1].outcomes, world.pending()) == (["ok"], 0)


async def test_what_is_old_and_of_a_newer_schema_stays(world: World) -> None:
    world.responder.failure = ValueError("no model")
    pairing = world.pairing(since=datetime.now(UTC) - timedelta(hours=2))
    old = f"{int((time.time() - 6_000.0) * 1_000)}-0"
    world.redis.xadd(STREAM, {b"s": b"99", b"b": b"?"}, id=old)
    log_old(world, 40)
    with pytest.raises(ValueError, match="no model"):
        await pairing.step()
    assert (len(world.ids()), world.pending()) == (40, 1)


def log_old(world: World, count: int) -> None:
    for index in range(count):
        world.log(f"old{index}", age=5_000.0 - index)


async def test_what_another_reader_left_is_taken_over(world: World) -> None:
    world.log("a")
    dead = world.inbox("dead")
    await dead.open(datetime.now(UTC))
    (left,) = await dead.arrived(10)
    world.redis.xclaim(STREAM, "challenger:2", "dead", 0, [left.entry], idle=120_000)
    pairing = world.pairing()
    await steps(pairing, 2)
    assert world.ids() == ["a.0"]


async def test_entries_of_a_newer_schema_stay(world: World) -> None:
    world.redis.xadd(STREAM, {b"s": b"99", b"b": b"?"})
    world.log("a")
    await steps(world.pairing(), 4)
    assert world.ids() == ["a.0"]
    assert world.pending() == 1


@pytest.mark.parametrize(
    "broken",
    [
        {b"s": b"1", b"b": b"?"},
        {b"s": b"?", b"b": b"?"},
        {b"b": b"?"},
        encode(UNEVEN),
    ],
)
async def test_corrupt_entries_are_counted_once_and_finished(
    world: World, broken: dict[bytes, bytes]
) -> None:
    world.redis.xadd(STREAM, broken)  # type: ignore[arg-type]
    world.log("a")
    await steps(world.pairing(), 4)
    await steps(world.pairing(), 4)
    assert world.ids() == ["a.0"]
    assert world.pending() == 0
    assert world.unreadable() == 1


async def test_trimmed_entries_do_not_stand_in_the_way(world: World) -> None:
    world.log("a")
    inbox = world.inbox()
    await inbox.open(datetime.now(UTC))
    await inbox.arrived(10)
    world.redis.xtrim(STREAM, maxlen=0)
    world.log("b")
    await steps(world.pairing(), 4)
    assert world.ids() == ["b.0"]
    assert world.pending() == 0


async def test_a_flushed_redis_is_begun_anew(world: World) -> None:
    pairing = world.pairing()
    world.log("a")
    await steps(pairing)
    world.redis.flushall()
    world.log("b")
    with pytest.raises(redis.ResponseError, match="NOGROUP"):
        await pairing.step()
    pairing.note_failure(redis.ResponseError("NOGROUP"))
    await steps(pairing)
    assert world.ids() == ["b.0"]


async def test_the_group_begins_shortly_before_the_version_was_named(world: World) -> None:
    world.log("old")
    world.log("new")
    old, new = entries(world.redis, STREAM)
    world.redis.delete(STREAM)
    for age, fields in ((120, old), (30, new)):
        world.redis.xadd(STREAM, {**fields}, id=f"{int((time.time() - age) * 1_000)}-0")
    await steps(world.pairing())
    assert world.ids() == ["new.0"]


async def test_rows_without_the_features_are_errors(world: World) -> None:
    world.log("a")
    (fields,) = entries(world.redis, STREAM)
    world.redis.delete(STREAM)
    world.redis.xadd(STREAM, {b"s": b"1", b"b": fields[b"b"].replace(b"width", b"depth")})
    await steps(world.pairing())
    (pairs,) = world.pairs()
    assert pairs.outcomes == ["error"]
    assert "features" in str(pairs.error)


async def test_a_retired_version_leaves_memory_and_in_the_end_the_stream(world: World) -> None:
    world.log("a")
    pairing = world.pairing()
    await steps(pairing)
    pairing.retired = True
    world.clock += 59.0
    await steps(pairing)
    assert world.responder.started
    world.log("b")
    await steps(pairing, 2)
    world.clock += 61.0
    await steps(pairing, 2)
    assert not world.responder.started
    world.log("c", challengers=(3,))
    world.log("late")
    await steps(pairing)
    assert not pairing.ended.is_set()
    pairing.over = True
    world.clock += 61.0
    await steps(pairing, 2)
    assert pairing.ended.is_set()
    assert world.groups() == []
    assert world.ids() == ["a.0", "b.0", "late.0"]


async def test_traffic_that_owes_nothing_keeps_no_retired_reader(world: World) -> None:
    pairing = world.pairing()
    await steps(pairing)
    pairing.retired = pairing.over = True
    world.clock += 61.0
    world.log("a", challengers=(3,))
    await steps(pairing, 2)
    assert pairing.ended.is_set()


async def test_a_version_that_comes_back_pairs_nothing_twice(world: World) -> None:
    began = datetime.now(UTC)
    world.log("a")
    former = world.pairing(since=began)
    await steps(former)
    former.retired = former.over = True
    world.clock += 61.0
    await steps(former, 2)
    assert former.ended.is_set()
    world.log("b")
    await steps(world.pairing(since=began))
    assert world.ids() == ["a.0", "b.0"]


async def test_a_group_with_unfinished_entries_is_not_left(world: World) -> None:
    world.log("a")
    inbox = world.inbox()
    await inbox.open(datetime.now(UTC))
    (delivery,) = await inbox.arrived(10)
    assert not await inbox.leave()
    await inbox.acknowledge([delivery.entry])
    assert await inbox.leave()
    assert await inbox.leave()
    assert world.groups() == []


async def test_the_backlog_is_what_is_left(world: World) -> None:
    inbox = world.inbox()
    await inbox.open(datetime.now(UTC) - timedelta(hours=2))
    assert await inbox.backlog() == Backlog(0, 0, 0.0)
    for age in (3_000, 2_000, 1_000):
        world.log(f"{age}", age=age)
    behind = await inbox.backlog()
    assert (behind.pending, behind.undelivered) == (0, 3)
    assert 2_999 < behind.behind_seconds < 3_060
    await inbox.arrived(1)
    behind = await inbox.backlog()
    assert (behind.pending, behind.undelivered) == (1, 2)
    assert 2_999 < behind.behind_seconds < 3_060
    deliveries = [*await inbox.unfinished(b"0", 10), *await inbox.arrived(10)]
    assert await inbox.acknowledge([delivery.entry for delivery in deliveries]) == 3
    assert await inbox.backlog() == Backlog(0, 0, 0.0)


async def test_what_is_left_and_what_is_taken_are_published(world: World) -> None:
    pairing = world.pairing()
    await steps(pairing)
    await pairing.watch()
    assert world.sample("challenger_pending_entries") == 0.0
    assert world.sample("challenger_undelivered_entries") == 0.0
    assert world.sample("challenger_memory_bytes") == 1_000_000.0
    await pairing.watch()
    assert world.sample("challenger_cpu_seconds_total") == 2.0


async def test_a_place_that_nobody_reads_is_given_up_after_a_while(world: World) -> None:
    world.log("a")
    former, clock = world.inbox("killed"), [0.0]
    await former.open(datetime.now(UTC))
    await former.arrived(10)
    world.redis.xgroup_create(STREAM, "somebody's", "0")
    challenges = Challenges(lambda *_: world.pairing(), "here:1")
    challenges.take_up(Snapshot(sequence=1, deployments=(deployment([ruled(1)]),)))
    leftovers = Leftovers(
        RedisPlaces(world.client), challenges, world.metrics, 60.0, lambda: clock[0]
    )
    await leftovers.step()
    clock[0] = 59.0
    await leftovers.step()
    assert len(world.groups()) == 2
    clock[0] = 61.0
    await leftovers.step()
    assert world.groups() == [b"somebody's"]
    assert world.sample("challenger_abandoned_entries_total") == 1.0
    # A version that comes back begins where the place was.
    world.log("b")
    await steps(world.pairing(since=datetime.now(UTC)))
    assert world.ids() == ["b.0"]


async def test_a_place_whose_version_owes_pairs_is_left_alone(world: World) -> None:
    await world.inbox().open(datetime.now(UTC))
    challenges = Challenges(lambda *_: world.pairing(), "here:1")
    wanted = deployment([ruled(1), ruled(CHALLENGER)], challengers=(CHALLENGER,))
    challenges.take_up(Snapshot(sequence=1, deployments=(wanted,)))
    leftovers = Leftovers(RedisPlaces(world.client), challenges, world.metrics, -1.0, lambda: 0.0)
    await leftovers.step()
    assert len(world.groups()) == 1
