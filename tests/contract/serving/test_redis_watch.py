"""What is told of a real Redis server, and what is not when it does not say or can't be asked."""

from collections.abc import AsyncIterator, Mapping

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from redis.asyncio import Redis

from services.serving.adapters.redis_server import RedisWatch
from services.serving.metrics import RedisMetrics
from tests.conftest import free_port
from understudy.runtime.redis_client import redis_client

pytestmark = pytest.mark.anyio

SECONDS = 2.0
FIGURES = {
    "understudy_redis_up",
    "understudy_redis_ping_seconds",
    "understudy_redis_memory_bytes",
    "understudy_redis_clients",
    "understudy_redis_persistence_ok",
    "understudy_redis_evicted_keys_total",
}


class World:
    """A server as its owner has it, and numbers of whoever may ask it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.owner = redis_client(url, SECONDS, 2)
        self.numbers = CollectorRegistry()
        self.metrics = RedisMetrics(self.numbers)

    async def look(self, redis: Redis | None = None) -> Mapping[str, float]:
        """Figures by name and kind, after one look."""
        await RedisWatch(redis or self.owner, self.metrics).step()
        assert generate_latest(self.numbers)
        return {
            sample.name + "".join(sample.labels.values()): sample.value
            for family in self.numbers.collect()
            for sample in family.samples
        }


@pytest.fixture
async def world(redis_url: str) -> AsyncIterator[World]:
    world = World(redis_url)
    yield world
    for name, value in (("maxmemory", "0"), ("appendonly", "no"), ("save", "")):
        await world.owner.config_set(name, value)
    await world.owner.acl_deluser("nosy")
    await world.owner.aclose()


async def test_memory_clients_and_persistence_are_the_servers(world: World) -> None:
    await world.owner.config_set("maxmemory", "100mb")
    await world.owner.config_set("appendonly", "no")
    found = await world.look()
    assert found["understudy_redis_up"] == 1.0
    assert 0.0 < found["understudy_redis_ping_seconds"] < SECONDS
    assert found["understudy_redis_memory_byteslimit"] == 100 * 1024**2
    used, peak = (found[f"understudy_redis_memory_bytes{kind}"] for kind in ("used", "peak"))
    assert 100_000 < used <= peak
    assert found["understudy_redis_clients"] >= 1.0
    assert found["understudy_redis_evicted_keys_total"] == 0.0
    assert found["understudy_redis_persistence_ok"] == 0.0
    await world.owner.config_set("appendonly", "yes")
    assert (await world.look())["understudy_redis_persistence_ok"] == 1.0


@pytest.mark.parametrize("forbidden", ["-info", "-info -ping"])
async def test_what_may_not_be_asked_is_absent(world: World, forbidden: str) -> None:
    await world.look()
    await world.owner.execute_command(  # type: ignore[no-untyped-call]
        "ACL", "SETUSER", "nosy", "on", ">pass", "~*", "+@all", *forbidden.split()
    )
    nosy = redis_client(world.url.replace("redis://", "redis://nosy:pass@"), SECONDS, 2)
    found = await world.look(nosy)
    await nosy.aclose()
    assert {*found} == {"understudy_redis_up", "understudy_redis_ping_seconds"}
    assert found["understudy_redis_up"] == 1.0


@pytest.mark.parametrize("place", ["nobody:wrong@{host}", "127.0.0.1:{port}/0"])
async def test_a_server_that_cannot_be_asked_is_down(world: World, place: str) -> None:
    assert (await world.look())["understudy_redis_up"] == 1.0
    host = world.url.removeprefix("redis://")
    url = "redis://" + place.format(host=host, port=free_port())
    gone = redis_client(url, SECONDS, 2)
    assert await world.look(gone) == {"understudy_redis_up": 0.0}
    await gone.aclose()


def test_every_figure_is_described() -> None:
    described = RedisMetrics(CollectorRegistry()).describe()
    names = {each.name + ("_total" if each.type == "counter" else "") for each in described}
    assert names == FIGURES
