"""Switches hold up nobody, and never go back in time."""

import asyncio
from collections.abc import Sequence

import pytest
from prometheus_client import CollectorRegistry

from services.serving.domain.scoring import Loaded
from services.serving.metrics import ServingMetrics
from services.serving.operations import Serving
from services.serving.operations.releases import Releases
from services.serving.operations.scoring import Limits
from tests.fakes.serving import BROKEN_ARTIFACT, ListLog, RuleLibrary, deployment, ruled
from understudy.contracts.registry import DeploymentSnapshot, ServedVersion, Snapshot
from understudy.contracts.vocabulary import AccessLevel
from understudy.runtime.keys import KeyRing

pytestmark = pytest.mark.anyio


class GatedLibrary(RuleLibrary):
    """A library whose loads of some versions wait."""

    def __init__(self) -> None:
        super().__init__()
        self.gates: dict[int, asyncio.Event] = {}
        self.asked: list[int] = []

    async def load(self, model: str, version: ServedVersion, trusted: Sequence[str]) -> Loaded:
        self.asked.append(version.version)
        if version.version in self.gates:
            await self.gates[version.version].wait()
        return await super().load(model, version, trusted)


class World:
    def __init__(self) -> None:
        self.numbers = CollectorRegistry()
        metrics = ServingMetrics(self.numbers)
        self.library = GatedLibrary()
        self.serving = Serving(
            keys=KeyRing, log=ListLog(), metrics=metrics, limits=Limits(5, 0.002, 1, 1)
        )
        self.releases = Releases(self.serving, self.library, metrics, "here:1")

    async def take_up(self, *deployments: DeploymentSnapshot) -> bool:
        return await self.releases.take_up(Snapshot(sequence=1, deployments=deployments))

    def begin(self, *deployments: DeploymentSnapshot) -> asyncio.Task[bool]:
        return asyncio.create_task(self.take_up(*deployments))

    @property
    def live(self) -> dict[str, int]:
        return self.serving.table.releases


def at(release: int, main: int, name: str = "a", previous: int | None = None) -> DeploymentSnapshot:
    versions = [ruled(number) for number in {main, previous or main}]
    return deployment(versions, name=name, release=release, main=main, previous_main=previous)


async def test_an_outdated_release_does_not_go_live_when_its_load_ends() -> None:
    world = World()
    await world.take_up(at(1, 1))
    world.library.gates[2] = asyncio.Event()
    promote = world.begin(at(2, 2, previous=1))
    await asyncio.sleep(0)
    rollback = world.begin(at(3, 1, previous=2))
    await asyncio.sleep(0.01)
    assert world.live == {"a": 3}
    world.library.gates[2].set()
    await asyncio.gather(promote, rollback)
    assert world.live == {"a": 3}
    assert world.serving.describe("a").version == 1


async def test_an_access_change_survives_a_load_that_began_before_it() -> None:
    world = World()
    world.library.gates[1] = asyncio.Event()
    first = world.begin(at(1, 1))
    await asyncio.sleep(0)
    closed = at(1, 1).model_copy(update={"access": AccessLevel.PROJECT})
    second = world.begin(closed)
    await asyncio.sleep(0)
    world.library.gates[1].set()
    await asyncio.gather(first, second)
    assert world.serving.describe("a").access is AccessLevel.PROJECT


async def test_slow_loads_hold_up_no_other_deployment() -> None:
    world = World()
    world.library.gates = {2: asyncio.Event(), 3: asyncio.Event()}
    taking = world.begin(at(1, 2, "slow"), at(1, 3, "slower"), at(1, 1, "quick"))
    await asyncio.sleep(0.01)
    assert world.live == {"quick": 1}
    for gate in world.library.gates.values():
        gate.set()
    assert await taking


async def test_a_former_main_that_can_not_be_kept_warm_is_no_failure_of_the_release() -> None:
    world = World()
    former = ruled(1, BROKEN_ARTIFACT)
    assert await world.take_up(deployment([former, ruled(2)], release=2, main=2, previous_main=1))
    assert world.releases.report().failures == {}
    name = "understudy_load_failures_total"
    assert world.numbers.get_sample_value(name, {"deployment": "flowers"}) == 0.0


async def test_what_answers_is_kept_while_its_successor_can_not_be_loaded() -> None:
    world = World()
    await world.take_up(at(1, 1))
    broken = deployment([ruled(2, BROKEN_ARTIFACT)], name="a", release=2, main=2)
    assert not await world.take_up(broken)
    assert {version.version for _, version in world.library.kept} == {1, 2}
    await world.take_up(at(3, 3))
    assert {version.version for _, version in world.library.kept} == {3}
