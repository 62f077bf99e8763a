"""Several monitors share deployments: fairly, and nobody keeps what somebody else may take."""

import pytest
from prometheus_client import CollectorRegistry

from services.monitor.metrics import LeaseMetrics
from services.monitor.operations.sharing import Sharing
from tests.fakes.monitor_leases import LeaseDesk

pytestmark = pytest.mark.anyio

SECONDS = 15.0
NAMES = [f"d{number}" for number in range(6)]


class World:
    """Monitors at one desk, and one clock."""

    def __init__(self, names: list[str]) -> None:
        self.now = 0.0
        self.names = names
        self.desk = LeaseDesk(SECONDS, lambda: self.now)

    def monitor(self, numbers: CollectorRegistry | None = None) -> Sharing:
        metrics = LeaseMetrics(numbers or CollectorRegistry())
        leases = self.desk.leases()
        return Sharing(leases, lambda: self.names, SECONDS, metrics, lambda: self.now)

    async def pass_by(self, *monitors: Sharing, seconds: float = 5.0, times: int = 4) -> None:
        for _ in range(times):
            self.now += seconds
            for monitor in monitors:
                await monitor.step()


async def test_one_alone_takes_all() -> None:
    world, numbers = World(NAMES), CollectorRegistry()
    one = world.monitor(numbers)
    assert not one.reached()
    await one.step()
    assert one.reached()
    assert one.held == {*NAMES}
    assert numbers.get_sample_value("understudy_monitor_leases_held") == 6


@pytest.mark.parametrize(("names", "monitors"), [(6, 2), (5, 2), (6, 4), (1, 3), (0, 2), (7, 3)])
async def test_they_come_to_share_and_nothing_is_left(names: int, monitors: int) -> None:
    world = World([f"d{number}" for number in range(names)])
    there = [world.monitor() for _ in range(monitors)]
    for count in range(1, monitors + 1):
        await world.pass_by(*there[:count])
    held = [monitor.held for monitor in there]
    assert sorted(name for names in held for name in names) == sorted(world.names)
    assert max(map(len, held)) <= -(-names // monitors)


async def test_who_dies_is_taken_over_once_its_leases_run_out() -> None:
    world = World(NAMES)
    one, other = world.monitor(), world.monitor()
    await world.pass_by(one, other)
    lost = one.held
    assert lost
    world.now += SECONDS - 1.0
    assert one.held == lost
    await world.pass_by(other, times=2)
    assert other.held == {*NAMES}
    assert not one.held


async def test_who_goes_in_peace_leaves_nothing_to_wait_for() -> None:
    world = World(NAMES)
    one, other = world.monitor(), world.monitor()
    await world.pass_by(one, other)
    await one.close()
    await other.step()
    assert other.held == {*NAMES}


async def test_a_lease_ends_by_ones_own_clock_while_nobody_answers() -> None:
    world = World(NAMES)
    one = world.monitor()
    await one.step()
    world.desk.failure = ConnectionError("gone")
    world.now += SECONDS - 0.1
    with pytest.raises(ConnectionError):
        await one.step()
    assert one.holds("d0")
    world.now += 0.2
    assert not one.holds("d0")


async def test_deployments_come_and_go() -> None:
    world = World(["a"])
    one, seen = world.monitor(), list[frozenset[str]]()
    one.subscribe(lambda: seen.append(one.held))
    await one.step()
    await one.step()
    world.names = ["b"]
    await one.step()
    assert seen == [{"a"}, {"b"}]
    assert "a" not in world.desk.holders


async def test_a_lease_that_somebody_took_is_not_ours() -> None:
    world = World(["a"])
    one = world.monitor()
    await one.step()
    world.desk.holders["a"] = ("somebody", world.now + 100.0)
    assert one.holds("a")
    await one.step()
    assert not one.holds("a")
    assert world.desk.holders["a"][0] == "somebody"
