"""Trimming real streams: what is old or too much goes, and nothing that a reader needs."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from services.monitor.adapters.cell_store import STREAMS
from services.serving.adapters.streams import RedisStreams
from services.serving.domain.trimming import Retention, Stream
from services.serving.metrics import TrimmingMetrics
from services.serving.operations.trimming import Trimming
from tests.fakes.serving import deployment, ruled
from understudy.contracts.events import (
    archive_positions_key,
    challenger_group,
    labels_key,
    monitor_positions_key,
    pairs_key,
    predictions_key,
    protected_key,
)
from understudy.contracts.registry import Snapshot
from understudy.runtime.redis_client import redis_client

pytestmark = pytest.mark.anyio

NOW = 1_000_000.0
GROUP = challenger_group(2)


class World:
    """Streams with an entry each second before now, whose time of death is a day."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.numbers = CollectorRegistry()
        self.snapshot: Snapshot | None = snapshot()
        self.metrics = TrimmingMetrics(self.numbers)

    async def fill(self, key: str, seconds: Sequence[float], size: int = 5_000) -> None:
        for second in seconds:
            await self.redis.xadd(key, {"b": b"x" * size}, id=f"{int(second * 1_000)}-0")

    async def read_to(self, second: float) -> None:
        place = f"{int(second * 1_000)}-0"
        positions: dict[Any, Any] = dict.fromkeys(STREAMS, place)
        await self.redis.hset(monitor_positions_key("flowers"), mapping=positions)

    async def archive_to(self, second: float, *streams: Stream) -> None:
        place = f"{int(second * 1_000)}-0"
        positions: dict[Any, Any] = dict.fromkeys(streams, place)
        await self.redis.hset(archive_positions_key("flowers"), mapping=positions)

    async def trim(
        self,
        *,
        entries: int = 1_000,
        seconds: float = 100.0,
        size: int = 10**9,
        monitored: bool = True,
    ) -> None:
        retention = Retention(seconds, entries, size, monitored)
        await Trimming(
            RedisStreams(self.redis), lambda: self.snapshot, retention, self.metrics, lambda: NOW
        ).step()

    async def times(self, key: str = predictions_key("flowers")) -> list[float]:
        found: Any = await self.redis.xrange(key)
        return [int(entry.partition(b"-")[0]) / 1_000 for entry, _ in found]

    def number(self, name: str, **labels: str) -> float | None:
        labels = {"deployment": "flowers", "stream": "predictions", **labels}
        return self.numbers.get_sample_value(f"understudy_stream_{name}", labels)


def snapshot(*challengers: int, since: float = NOW) -> Snapshot:
    versions = [ruled(number) for number in (1, *challengers)]
    found = deployment(
        versions, challengers=challengers, paired_since=datetime.fromtimestamp(since, UTC)
    )
    return Snapshot(sequence=1, deployments=(found,), keys=())


@pytest.fixture
async def world(redis_url: str) -> AsyncIterator[World]:
    client = redis_client(redis_url, 2.0, 4)
    yield World(client)
    await client.aclose()


SECONDS = [NOW - before for before in range(300, 0, -1)]


async def test_old_entries_of_all_streams_go_when_the_monitor_has_read_them(world: World) -> None:
    keys = [key("flowers") for key in (predictions_key, pairs_key, labels_key, protected_key)]
    for key in keys:
        await world.fill(key, SECONDS, size=10)
    await world.trim()
    assert [len(await world.times(key)) for key in keys] == [300] * 4
    assert world.number("held", reader="monitor") == 1
    await world.read_to(NOW)
    await world.trim()
    assert [await world.times(key) for key in keys] == [SECONDS[200:]] * 4
    assert world.number("trimmed_entries_total", stream="labels") == 200
    assert world.number("entries") == 100
    assert world.number("held", reader="monitor") is None


async def test_nothing_goes_that_the_monitor_has_not_read(world: World) -> None:
    await world.fill(predictions_key("flowers"), SECONDS)
    await world.read_to(NOW - 250)
    await world.trim(entries=10)
    assert await world.times() == SECONDS[51:]


async def test_nothing_goes_that_is_not_in_the_archive_once_there_is_one(world: World) -> None:
    await world.fill(predictions_key("flowers"), SECONDS)
    await world.fill(protected_key("flowers"), SECONDS, size=10)
    await world.read_to(NOW)
    await world.archive_to(NOW - 250, Stream.PREDICTIONS)
    await world.trim()
    assert await world.times() == SECONDS[51:]
    # A stream that the archive does not name is not archived yet.
    assert len(await world.times(protected_key("flowers"))) == 300
    await world.trim()
    assert world.number("held", reader="archive") == 1
    await world.archive_to(NOW, *Stream)
    await world.trim()
    assert await world.times() == await world.times(protected_key("flowers")) == SECONDS[200:]
    assert world.number("held", reader="archive") is None


async def test_without_a_monitor_only_groups_hold_entries_back(world: World) -> None:
    key = predictions_key("flowers")
    await world.fill(key, SECONDS)
    await world.redis.xgroup_create(key, GROUP, "0")
    await world.redis.xgroup_create(key, "another", "$")
    await world.redis.xreadgroup(GROUP, "me", {key: ">"}, count=150)
    await world.redis.xack(key, GROUP, *[f"{int(second * 1_000)}-0" for second in SECONDS[:120]])
    await world.trim(monitored=False)
    assert await world.times() == SECONDS[120:]
    await world.trim(monitored=False)
    assert world.number("held", reader=GROUP) == 1
    await world.redis.xgroup_destroy(key, GROUP)
    await world.trim(monitored=False)
    assert await world.times() == SECONDS[200:]
    assert world.number("held", reader=GROUP) is None


async def test_too_many_entries_go_however_young_unless_they_are_owed(world: World) -> None:
    await world.fill(predictions_key("flowers"), SECONDS)
    await world.read_to(NOW)
    world.snapshot = snapshot(2, since=NOW - 240 + 60)
    await world.trim(entries=50, seconds=10_000)
    assert await world.times() == SECONDS[60:]
    world.snapshot = snapshot()
    await world.trim(entries=50, seconds=10_000)
    assert await world.times() == SECONDS[250:]


async def test_a_stream_that_takes_too_much_memory_is_cut(world: World) -> None:
    await world.fill(predictions_key("flowers"), SECONDS)
    await world.read_to(NOW)
    await world.trim(seconds=10_000, size=500_000)
    left = await world.times()
    assert 50 <= len(left) <= 100
    assert left == SECONDS[-len(left) :]


async def test_more_goes_than_one_command_may_remove(world: World) -> None:
    pipeline = world.redis.pipeline()
    for index in range(12_000):
        pipeline.xadd(predictions_key("flowers"), {"b": b""}, id=f"{index + 1}-0")
    await pipeline.execute()
    await world.read_to(NOW)
    await world.trim()
    assert await world.times() == []
    assert world.number("trimmed_entries_total") == 12_000


async def test_streams_of_deleted_deployments_are_trimmed_the_same_way(world: World) -> None:
    await world.fill(predictions_key("gone"), SECONDS)
    await world.trim()
    assert len(await world.times(predictions_key("gone"))) == 300
    await world.trim(monitored=False)
    assert await world.times(predictions_key("gone")) == SECONDS[200:]
    assert world.number("entries", deployment="gone") == 100
    await world.redis.delete(predictions_key("gone"))
    await world.trim()
    assert world.number("entries", deployment="gone") is None


async def test_nothing_goes_before_it_is_known_who_owes_pairs(world: World) -> None:
    await world.fill(predictions_key("flowers"), SECONDS)
    world.snapshot = None
    await world.trim(monitored=False)
    assert len(await world.times()) == 300


async def test_the_monitor_keeps_its_positions_where_trimming_looks() -> None:
    # Services never import each other, so the key is written in both.
    assert tuple(Stream) == STREAMS
