"""The fake log delivers as Redis Streams do."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from redis.asyncio import Redis

from services.monitor.adapters.event_log import RedisEventLog
from services.monitor.domain.accounting import Positions
from services.monitor.ports import EventLog
from tests.fakes.monitor import MemoryLog
from tests.fakes.monitor_entries import (
    NAME,
    NOW,
    label_batch,
    pair_batch,
    prediction_batch,
    sample,
)
from understudy.contracts import events

pytestmark = pytest.mark.anyio

BATCH = 4


@dataclass(frozen=True, slots=True)
class Bench:
    """A log, and the hands that write it."""

    log: EventLog
    append: Callable[..., Awaitable[None]]
    append_garbage: Callable[[], Awaitable[None]]


@pytest.fixture(params=["memory", "redis", "redis resp3"])
async def bench(request: pytest.FixtureRequest, redis_url: str) -> AsyncIterator[Bench]:
    if request.param == "memory":
        yield memory_bench(MemoryLog(batch_entries=BATCH))
        return
    protocol = 3 if request.param.endswith("3") else 2
    async with Redis.from_url(redis_url, protocol=protocol) as client:
        yield redis_bench(client)


def memory_bench(log: MemoryLog) -> Bench:
    async def append(*entries: events.Entry) -> None:
        log.append(*entries)

    async def append_garbage() -> None:
        log.append_garbage(NAME)

    return Bench(log, append, append_garbage)


def redis_bench(client: Redis) -> Bench:
    async def append(*entries: events.Entry) -> None:
        for entry in entries:
            await client.xadd(_key(entry), _fields(entry))

    async def append_garbage() -> None:
        await client.xadd(events.predictions_key(NAME), {b"s": b"1", b"b": b"\xc1"})

    return Bench(
        RedisEventLog(client, batch_entries=BATCH, wait_seconds=0.01), append, append_garbage
    )


async def test_an_empty_log_delivers_nothing(bench: Bench) -> None:
    delivery = await bench.log.read(NAME, Positions())
    assert (delivery.positions, delivery.predictions, delivery.more) == (Positions(), (), False)
    assert await bench.log.newest(NAME, 10, 60.0) == []


async def test_all_three_streams_come_with_their_rows(bench: Bench) -> None:
    columns = {name: [*values] for name, values in sample(3).items()}
    columns["job"][1], columns["children"][2] = None, None
    await bench.append(
        prediction_batch(columns, probabilities=[0.9, 0.2, float("nan")]),
        pair_batch([0.9], [0.2], outcomes=["timeout"]),
        label_batch(2),
    )
    delivery = await bench.log.read(NAME, Positions())
    (rows,), (pairs,), (labels,) = delivery.predictions, delivery.pairs, delivery.labels
    assert (rows.main, rows.ids) == (1, ["p0", "p1", "p2"])
    assert rows.columns["job"] == columns["job"]
    assert str(list(rows.columns["children"])[2]) == "nan"
    assert rows.responses.values.tolist()[:2] == [1.0, 0.0]
    assert rows.responses.scores.tolist()[:2] == [0.9, 0.2]
    assert rows.responses.classes == ("no", "yes")
    assert (pairs.main, pairs.challenger, pairs.outcomes) == (1, 2, ["timeout"])
    assert (labels.prediction_ids, labels.labels) == (("p0", "p1"), ("yes", "yes"))
    assert delivery.mains == {1}


async def test_reading_goes_on_from_the_positions_in_bounded_pieces(bench: Bench) -> None:
    await bench.append(*(prediction_batch(sample(1), first_id=at) for at in range(6)))
    await bench.append(label_batch(1))
    first = await bench.log.read(NAME, Positions())
    assert [rows.ids for rows in first.predictions] == [[f"p{at}"] for at in range(4)]
    assert first.more
    second = await bench.log.read(NAME, first.positions)
    assert [rows.ids for rows in second.predictions] == [["p4"], ["p5"]]
    assert (second.more, second.labels) == (False, ())
    third = await bench.log.read(NAME, second.positions)
    assert (third.positions, third.predictions) == (second.positions, ())


async def test_what_can_not_be_read_is_counted_and_passed_over(bench: Bench) -> None:
    await bench.append(prediction_batch(sample(1)))
    await bench.append_garbage()
    ragged = prediction_batch(sample(2))
    fields = {name: getattr(ragged, name) for name in ragged.__struct_fields__}
    await bench.append(events.PredictionBatch(**{**fields, "at": events.pack([NOW])}))
    await bench.append(prediction_batch(sample(1), first_id=7))
    delivery = await bench.log.read(NAME, Positions())
    assert [rows.ids for rows in delivery.predictions] == [["p0"], ["p7"]]
    assert delivery.malformed == 2


async def test_the_newest_rows_come_oldest_first(bench: Bench) -> None:
    times = [NOW - 700, NOW - 300, NOW]
    for number, at in enumerate(times):
        await bench.append(prediction_batch(sample(2), at=at, first_id=10 * number))
    newest = await bench.log.newest(NAME, 100, 600.0)
    assert [rows.ids[0] for rows in newest] == ["p10", "p20"]
    assert [rows.ids[0] for rows in await bench.log.newest(NAME, 2, 600.0)] == ["p20"]


async def test_a_newer_schema_is_not_passed_over(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as client:
        await client.xadd(events.predictions_key(NAME), {b"s": b"99", b"b": b""})
        log = RedisEventLog(client, batch_entries=BATCH, wait_seconds=0.01)
        with pytest.raises(events.UnknownSchemaError):
            await log.read(NAME, Positions())


async def test_many_pages_of_newest_rows(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as client:
        async with client.pipeline(transaction=False) as pipe:
            for at in range(1_200):
                entry = prediction_batch(sample(1), at=NOW + at / 100, first_id=at)
                pipe.xadd(events.predictions_key(NAME), _fields(entry))
            await pipe.execute()
        log = RedisEventLog(client, batch_entries=BATCH, wait_seconds=0.01)
        newest = await log.newest(NAME, 10_000, 600.0)
        assert [rows.ids[0] for rows in newest] == [f"p{at}" for at in range(1_200)]


def _fields(entry: events.Entry) -> Any:
    return events.encode(entry)


def _key(entry: events.Entry) -> str:
    if isinstance(entry, events.PredictionBatch):
        return events.predictions_key(entry.deployment)
    if isinstance(entry, events.PairBatch):
        return events.pairs_key(entry.deployment)
    return events.labels_key(entry.deployment)
