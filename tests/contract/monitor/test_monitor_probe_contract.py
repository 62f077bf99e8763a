"""The probe's store and its window of fresh rows: the fakes do what Redis does."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from redis.asyncio import Redis

from services.monitor.adapters.event_log import RedisEventLog
from services.monitor.adapters.probe_store import RedisProbeStore, probe_key
from services.monitor.domain.probes import Probe
from services.monitor.domain.statistics.interaction import Wealth
from services.monitor.ports import EventLog, ProbeStore
from tests.fakes.monitor import MemoryLog, MemoryProbes
from tests.fakes.monitor_entries import NAME, prediction_batch, sample
from understudy.contracts import events

pytestmark = pytest.mark.anyio


@dataclass
class Bench:
    log: EventLog
    probes: ProbeStore
    append: Callable[[events.PredictionBatch], Awaitable[None]]


@pytest.fixture(params=["memory", "redis"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    if request.param == "memory":
        log = MemoryLog()

        async def note(entry: events.PredictionBatch) -> None:
            log.append(entry)

        yield Bench(log, MemoryProbes(), note)
        return
    async with Redis.from_url(request.getfixturevalue("redis_url")) as client:

        async def append(entry: events.PredictionBatch) -> None:
            fields: Any = events.encode(entry)
            await client.xadd(events.predictions_key(NAME), fields)

        reader = RedisEventLog(client, batch_entries=10, wait_seconds=0.01)
        yield Bench(reader, RedisProbeStore(client), append)


def probe(position: str) -> Probe:
    wealth = Wealth(bets=3, quiet=1, rising=2.5, since=1.8e9)
    wealth.logs[0] = np.linspace(-1.0, 5.0, 24)
    return Probe("b" * 64, position, wealth, (("income", "job"),), 1.8e9, 1.8e9 + 5)


async def test_a_probe_comes_back_as_it_was(bench: Bench) -> None:
    assert await bench.probes.load(NAME) is None
    assert await bench.probes.commit(NAME, "0-0", probe("7-0"))
    found = await bench.probes.load(NAME)
    assert found is not None
    assert np.array_equal(found.wealth.logs, probe("7-0").wealth.logs)
    assert replace(found.wealth, logs=np.zeros(0)).since == 1.8e9
    assert (found.position, found.pairs, found.looked_at) == (
        "7-0",
        (("income", "job"),),
        1.8e9 + 5,
    )
    assert (found.wealth.bets, found.wealth.quiet, found.wealth.rising) == (3, 1, 2.5)


async def test_a_look_from_another_position_is_not_kept(bench: Bench) -> None:
    assert await bench.probes.commit(NAME, "0-0", probe("7-0"))
    assert not await bench.probes.commit(NAME, "0-0", probe("9-0"))
    assert await bench.probes.commit(NAME, "7-0", probe("9-0"))
    assert (await bench.probes.load(NAME) or probe("")).position == "9-0"


async def test_the_newest_rows_after_a_position(bench: Bench) -> None:
    nothing = await bench.log.newest_after(NAME, "0-0", 10)
    assert (nothing.position, nothing.rows) == ("0-0", 0)
    for at in range(130):
        await bench.append(prediction_batch(sample(2), first_id=10 * at))
    whole = await bench.log.newest_after(NAME, "0-0", 1_000)
    assert whole.rows == 260
    assert [entry.ids[0] for entry in whole.entries] == [f"p{10 * at}" for at in range(130)]
    some = await bench.log.newest_after(NAME, "0-0", 5)
    assert [entry.ids[0] for entry in some.entries] == ["p1270", "p1280", "p1290"]
    assert some.position == whole.position
    assert (await bench.log.newest_after(NAME, whole.position, 5)).rows == 0
    await bench.append(prediction_batch(sample(3), first_id=9_000))
    fresh = await bench.log.newest_after(NAME, whole.position, 5)
    assert (fresh.rows, fresh.entries[0].ids[0]) == (3, "p9000")


@pytest.mark.parametrize("state", [b"", b"\x93", b"\x99\xa0\xc4\x01x\x00\x00\x00\xc0\x90\x00\xc0"])
async def test_what_another_release_stored_begins_anew(redis_url: str, state: bytes) -> None:
    async with Redis.from_url(redis_url) as client:
        stored: Any = client.hset(probe_key(NAME), mapping={"position": "5-1", "state": state})
        await stored
        found = await RedisProbeStore(client).load(NAME)
        assert found is not None
        assert (found.position, found.reference, found.wealth.bets) == ("5-1", "", 0)
