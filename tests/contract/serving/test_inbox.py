"""A challenger's reader against a real Redis: every entry gets its pairs once."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
import redis
import redis.asyncio
from prometheus_client import CollectorRegistry

from services.serving.adapters.inbox import RedisInbox
from services.serving.adapters.log_entries import prediction_batch
from services.serving.domain.scoring import Loaded
from services.serving.domain.table import Live
from services.serving.metrics import ChallengerMetrics
from services.serving.operations.pairing import Pairing
from services.serving.ports import Answered
from tests.fakes.serving import UNLUCKY_WIDTH, LengthRunner, entries, loaded
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

    def log(self, name: str, *widths: float, challengers: tuple[int, ...] = (CHALLENGER,)) -> None:
        rows = np.array([[9.0, width] for width in widths or (1.0,)])
        scored = Scored(np.zeros(len(rows)), np.tile([0.9, 0.1], (len(rows), 1)))
        ids = [f"{name}.{index}" for index in range(len(rows))]
        live = Live(1, loaded(1), challengers)
        batch = prediction_batch(
            [Answered("flowers", live, ids, time.time(), 0.001, Rows(rows, ()), scored)]
        )
        self.redis.xadd(STREAM, encode(batch))  # type: ignore[arg-type]

    def inbox(self, consumer: str = "here", most: int = 32) -> RedisInbox:
        return RedisInbox(
            self.client,
            "flowers",
            CHALLENGER,
            consumer=consumer,
            entries=most,
            wait_milliseconds=10,
        )

    def pairing(self, inbox: RedisInbox | None = None) -> Pairing:
        async def load() -> Loaded:
            return loaded(CHALLENGER)

        return Pairing(
            "flowers",
            CHALLENGER,
            datetime.now(UTC),
            load=load,
            inbox=inbox or self.inbox(),
            metrics=self.metrics,
            clock=lambda: self.clock,
        )

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
    first, second = world.pairs()
    assert (first.ids, second.ids) == (["a.0", "a.1"], ["b.0"])
    assert (first.main, first.challenger, first.release) == (1, 2, 1)
    assert unpack(first.main_scores.values).tolist() == [0.0, 0.0]
    assert unpack(first.challenger_scores.values).tolist() == [1.0, 1.0]
    assert unpack(first.challenger_scores.probabilities, 2)[0].tolist() == pytest.approx([0.1, 0.9])
    assert first.outcomes == ["ok", "ok"]
    assert world.pending() == 0
    labels = {"deployment": "flowers", "version": "2"}
    assert (
        world.numbers.get_sample_value("understudy_pairs_total", {**labels, "outcome": "ok"}) == 3
    )
    # Both entries were scored in one call.
    assert world.numbers.get_sample_value("understudy_challenger_batch_rows_count", labels) == 1


async def test_a_row_that_fails_is_an_outcome_and_spoils_no_other(world: World) -> None:
    world.log("a", 1.0, UNLUCKY_WIDTH, 2.0)
    await steps(world.pairing())
    (pairs,) = world.pairs()
    assert pairs.outcomes == ["ok", "error", "ok"]
    assert "unlucky" in str(pairs.error)
    values = unpack(pairs.challenger_scores.values)
    assert np.isnan(values).tolist() == [False, True, False]


async def test_a_reader_that_was_killed_goes_on_where_it_was(world: World) -> None:
    for name in "abc":
        world.log(name)
    first = world.inbox(most=2)
    await first.open(datetime.now(UTC))
    taken = await first.arrived()
    assert len(taken) == 2
    assert await first.finish(taken[0].entry, None)
    await steps(world.pairing(), 4)
    assert world.ids() == ["b.0", "c.0"]
    assert world.pending() == 0


async def test_an_entry_is_finished_once(world: World) -> None:
    world.log("a")
    inbox = world.inbox()
    await inbox.open(datetime.now(UTC))
    (delivery,) = await inbox.arrived()
    await steps(world.pairing(), 1)
    assert world.ids() == ["a.0"]
    assert not await inbox.finish(delivery.entry, world.pairs()[0])
    assert world.ids() == ["a.0"]


async def test_what_another_reader_left_is_taken_over(world: World) -> None:
    world.log("a")
    dead = world.inbox("dead")
    await dead.open(datetime.now(UTC))
    (left,) = await dead.arrived()
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


async def test_a_version_scores_in_a_thread_of_its_own(world: World) -> None:
    threads: list[str] = []

    class Runner(LengthRunner):
        def score(self, rows: Rows) -> Scored:
            threads.append(threading.current_thread().name)
            return super().score(rows)

    world.log("a")
    pairing = world.pairing()
    pairing.loaded = replace(loaded(CHALLENGER), runner=Runner())
    await steps(pairing)
    assert threads == ["pairing flowers/2_0"]


async def test_trimmed_entries_do_not_stand_in_the_way(world: World) -> None:
    world.log("a")
    inbox = world.inbox()
    await inbox.open(datetime.now(UTC))
    await inbox.arrived()
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


async def test_a_retired_reader_ends_when_it_has_read_everything(world: World) -> None:
    world.log("a")
    pairing = world.pairing()
    await steps(pairing)
    pairing.retired = True
    world.clock += 59.0
    await pairing.step()
    assert not pairing.ended.is_set()
    world.log("b")
    await steps(pairing, 2)
    world.clock += 61.0
    await steps(pairing, 2)
    assert pairing.ended.is_set()
    assert pairing.loaded is None
    assert world.ids() == ["a.0", "b.0"]


async def test_the_backlog_is_what_is_left(world: World) -> None:
    inbox = world.inbox()
    await inbox.open(datetime.now(UTC) - timedelta(hours=1))
    assert (await inbox.backlog()).behind_seconds == 0.0
    world.log("a")
    await asyncio.sleep(0.05)
    backlog = await inbox.backlog()
    assert backlog.pending == 0
    assert 0.04 < backlog.behind_seconds < 5.0
    await inbox.arrived()
    assert (await inbox.backlog()).pending == 1
