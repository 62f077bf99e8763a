"""The fake desk of leases does as Redis does."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from services.monitor.adapters.leases import MEMBERS, RedisLeases, kept_token, lease_key
from services.monitor.ports import Leases
from tests.fakes.monitor_leases import LeaseDesk

pytestmark = pytest.mark.anyio

SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Bench:
    """Monitors come to it; time can be let pass."""

    join: Callable[[], Leases]
    run_out: Callable[[], Awaitable[None]]


@pytest.fixture(params=["memory", "redis"])
async def bench(request: pytest.FixtureRequest, redis_url: str) -> AsyncIterator[Bench]:
    if request.param == "memory":
        yield memory_bench()
        return
    async with Redis.from_url(redis_url) as client:
        yield redis_bench(client)


def memory_bench() -> Bench:
    now = [0.0]
    desk = LeaseDesk(SECONDS, lambda: now[0])

    async def run_out() -> None:
        now[0] += SECONDS + 1.0

    return Bench(desk.leases, run_out)


def redis_bench(client: Redis) -> Bench:
    async def run_out() -> None:
        # What time does to keys, without waiting for it.
        assert await client.pttl(lease_key("iris")) > (SECONDS - 60.0) * 1_000
        await client.delete(lease_key("iris"))
        members: Any = await client.zrange(MEMBERS, 0, -1)
        for member in members:
            await client.zadd(MEMBERS, {member: 1.0})

    return Bench(lambda: RedisLeases(client, SECONDS, uuid.uuid4().hex), run_out)


async def test_one_holds_and_renews_while_others_are_refused(bench: Bench) -> None:
    one, other = bench.join(), bench.join()
    assert await one.hold("iris")
    assert await one.hold("iris")
    assert not await other.hold("iris")
    assert await other.hold("risk")


async def test_what_is_let_go_is_free_and_only_its_holder_can(bench: Bench) -> None:
    one, other = bench.join(), bench.join()
    await one.hold("iris")
    await other.let_go("iris")
    assert not await other.hold("iris")
    await one.let_go("iris")
    assert await other.hold("iris")
    await one.let_go("iris")
    assert not await one.hold("iris")


async def test_a_lease_that_is_not_renewed_runs_out(bench: Bench) -> None:
    one, other = bench.join(), bench.join()
    await one.hold("iris")
    await bench.run_out()
    assert await other.hold("iris")
    assert not await one.hold("iris")


async def test_who_is_there(bench: Bench) -> None:
    one, other = bench.join(), bench.join()
    await one.hold("iris")
    assert (await one.beat(), await one.beat(), await other.beat()) == (1, 1, 2)
    await one.leave()
    assert await other.beat() == 1
    assert await one.beat() == 2
    await bench.run_out()
    assert await other.beat() == 1


async def test_a_restarted_monitor_goes_on_with_its_leases(redis_url: str, tmp_path: Path) -> None:
    async with Redis.from_url(redis_url) as client:
        tokens = [kept_token(tmp_path / "monitor" / "token") for _ in range(2)]
        assert tokens[0] == tokens[1] != kept_token(tmp_path / "other" / "token")
        assert all([await RedisLeases(client, SECONDS, token).hold("iris") for token in tokens])


def test_where_nothing_can_be_kept_every_life_is_another(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "token"
    assert kept_token(path) != kept_token(path)
