"""When memory is short the least used models are let go; whoever asks has them loaded again."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry

from services.serving.domain.errors import NotLoadedError
from services.serving.domain.scoring import Loaded
from services.serving.metrics import ServingMetrics
from services.serving.operations import Serving
from services.serving.operations.memory import Memory
from services.serving.operations.releases import Releases
from services.serving.operations.scoring import Limits
from tests.fakes.serving import ListLog, RuleLibrary, deployment, ruled
from understudy.contracts.registry import DeploymentSnapshot, ServedVersion, Snapshot
from understudy.runtime.keys import KeyRing

pytestmark = pytest.mark.anyio

SIZE = 100


class SizedLibrary(RuleLibrary):
    """Each version takes as much; a load waits for the gate."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.gate.set()
        self.loads = 0

    async def load(self, model: str, version: ServedVersion, trusted: Sequence[str]) -> Loaded:
        await self.gate.wait()
        before = len(self._loaded)
        found = await super().load(model, version, trusted)
        if len(self._loaded) > before:
            self.loads += 1
            found = self._loaded[[*self._loaded][-1]] = replace(found, size_bytes=SIZE)
        return found


class World:
    def __init__(self, models: int, wake_seconds: float = 5.0) -> None:
        self.numbers = CollectorRegistry()
        metrics = ServingMetrics(self.numbers)
        self.library = SizedLibrary()
        self.serving = Serving(
            keys=KeyRing, log=ListLog(), metrics=metrics, limits=Limits(5, 0.002, 1, 1)
        )
        self.releases = Releases(
            self.serving,
            self.library,
            metrics,
            "here:1",
            memory=Memory(self.library, metrics, models * SIZE),
            wake_seconds=wake_seconds,
        )

    async def take_up(self, *deployments: DeploymentSnapshot) -> bool:
        return await self.releases.take_up(Snapshot(sequence=1, deployments=deployments))

    def awake(self) -> set[str]:
        return {found.name for found in self.serving.table if found.live is not None}

    def number(self, name: str, **labels: str) -> float | None:
        return self.numbers.get_sample_value(f"understudy_{name}", labels)


def named(*names: str) -> list[DeploymentSnapshot]:
    return [deployment([ruled(1)], name=name) for name in names]


async def test_what_does_not_fit_sleeps_and_still_counts_as_served() -> None:
    world = World(models=2)
    assert await world.take_up(*named("a", "b", "c"))
    assert world.awake() == {"b", "c"}
    assert world.releases.report().releases == {"a": 1, "b": 1, "c": 1}
    assert world.number("models_unloaded_total", role="main") == 1.0
    assert world.number("loaded_models", runner="sklearn") == 2.0
    assert world.number("loaded_model_bytes") == 2.0 * SIZE
    sizes = [world.number("model_bytes", deployment=name, version="1") for name in "bc"]
    assert sizes == [SIZE, SIZE]
    loads = world.library.loads
    assert await world.take_up(*named("a", "b", "c"))
    assert world.library.loads == loads


async def test_waking_loads_once_for_all_who_ask_and_sends_the_least_used_to_sleep() -> None:
    world = World(models=2)
    await world.take_up(*named("a", "b", "c"))
    found = world.serving.table.find("b")
    assert found is not None
    assert found.live is not None
    found.live.main.use.at = 1e12  # it was called just now
    lives = await asyncio.gather(*(world.releases.wake("a") for _ in range(3)))
    assert [live.release for live in lives] == [1, 1, 1]
    assert world.awake() == {"a", "b"}
    assert world.library.loads == 4
    sizes = [world.number("model_bytes", deployment=name, version="1") for name in "abc"]
    assert sizes == [SIZE, SIZE, 0]
    assert await world.releases.wake("a") is lives[0]


async def test_whoever_asks_does_not_wait_for_ever() -> None:
    world = World(models=1, wake_seconds=0.01)
    await world.take_up(*named("a", "b"))
    world.library.gate.clear()
    with pytest.raises(NotLoadedError) as refused:
        await world.releases.wake("a")
    assert refused.value.retry_after == 1
    assert world.number("models_woken_total", result="late") == 1.0


async def test_a_switch_while_a_model_is_woken_is_what_answers() -> None:
    world = World(models=1)
    await world.take_up(*named("a", "b"))
    world.library.gate.clear()
    waking = asyncio.create_task(world.releases.wake("a"))
    await asyncio.sleep(0)
    newer = deployment([ruled(1), ruled(2)], name="a", release=2, main=2)
    switching = asyncio.create_task(world.take_up(newer, *named("b")))
    await asyncio.sleep(0)
    world.library.gate.set()
    await switching
    await asyncio.wait([waking])
    assert world.releases.report().releases["a"] == 2


async def test_former_mains_are_kept_warm_only_where_there_is_room() -> None:
    versions = [ruled(1), ruled(2)]
    both = deployment(versions, name="a", release=2, main=2, previous_main=1)
    tight, roomy = World(models=1), World(models=2)
    for world in (tight, roomy):
        await world.take_up(both)
    assert [key[1] for key in tight.library.loaded()] == [2]
    assert sorted(key[1] for key in roomy.library.loaded()) == [1, 2]


async def test_nobody_wakes_what_is_not_there() -> None:
    world = World(models=1)
    with pytest.raises(NotLoadedError):
        await world.releases.wake("nothing")


async def test_whoever_asks_a_sleeping_deployment_gets_its_answer() -> None:
    world = World(models=1)
    await world.take_up(*named("a", "b"))
    assert world.serving.asleep == {"a"}
    assert world.serving.describe("a").version == 1
    (answer,) = await world.serving.predict("a", [{"length": 9.0, "width": 1.0}], key=None)
    assert answer.prediction == "virginica"
    assert world.serving.asleep == {"b"}
