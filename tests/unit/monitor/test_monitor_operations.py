"""Watches, who may see them, and reports, over fakes."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from services.monitor.domain.accounting import Delivery, Positions
from services.monitor.domain.errors import (
    LabelsElsewhereError,
    NotReadyError,
    UnknownDeploymentError,
)
from services.monitor.loops import Heartbeat, Tidying, Watching
from services.monitor.metrics import MonitorMetrics
from services.monitor.operations import Monitoring, Sources, Watch
from tests.fakes.monitor import (
    MemoryLog,
    MemoryReferences,
    MemoryStore,
    SnapshotShelf,
)
from tests.fakes.monitor_entries import (
    NAME,
    NOW,
    OUTSIDER,
    PREDICTOR,
    READER,
    RULES,
    SCRAPER,
    deployment,
    label_batch,
    pair_batch,
    prediction_batch,
    reference_profile,
    sample,
    snapshot,
)
from tests.fakes.outcomes import MemoryOutcomes
from understudy.runtime.following import Follower, SnapshotCache
from understudy.runtime.keys import ForbiddenError, UnauthenticatedError
from understudy.runtime.loops import cancel, repeat

pytestmark = pytest.mark.anyio


@dataclass
class World:
    """Everything a monitor needs, in memory."""

    folder: Path
    log: MemoryLog = field(default_factory=MemoryLog)
    store: MemoryStore = field(default_factory=MemoryStore)
    numbers: CollectorRegistry = field(default_factory=CollectorRegistry)
    now: float = NOW

    def __post_init__(self) -> None:
        profiles = {digit * 64: reference_profile(self.folder, seed=int(digit)) for digit in "12"}
        profiles["b" * 64] = profiles["1" * 64]
        self.references = MemoryReferences(profiles)
        self.shelf = SnapshotShelf(snapshot(deployment()))
        self.follower = Follower(self.shelf, SnapshotCache(self.folder / "snapshot.json"), 0.0)
        self.metrics = MonitorMetrics(self.numbers)
        self.outcomes = MemoryOutcomes()
        self.sources = Sources(
            log=self.log,
            store=self.store,
            references=self.references,
            outcomes=self.outcomes,
            metrics=self.metrics,
            rules=RULES,
            clock=lambda: self.now,
        )

    def watch(self) -> Watch:
        return Watch(deployment(), self.sources)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


async def test_a_step_accounts_for_all_streams(world: World) -> None:
    world.log.append(prediction_batch(sample(5)), pair_batch([0.9], [0.8]), label_batch(3))
    world.log.append_garbage(NAME)
    watch = world.watch()
    await watch.step()
    figures = watch.figures()
    assert figures is not None
    assert figures.totals.predictions == {1: 5}
    assert figures.totals.pairs == {(2, "ok"): 1}
    assert (figures.totals.labels, figures.totals.malformed) == (3, 1)
    assert (watch.assess().rows, figures.lag_seconds) == (5, 0.0)


async def test_labels_are_joined_before_positions_move_on(world: World) -> None:
    world.log.append(prediction_batch(sample(5)), pair_batch([0.9], [0.8]), label_batch(3))
    await world.watch().step()
    (tally,) = (await world.outcomes.tallies(NAME, 0.0)).values()
    assert tally.versions[1].rows == 5
    assert tally.versions[1].labelled == 3
    assert tally.couples[2].differences.rows == 1


async def test_nothing_is_committed_while_outcomes_cannot_be_stored(world: World) -> None:
    world.log.append(prediction_batch(sample(5)))
    world.outcomes.failure = OSError("disk full")
    watch = world.watch()
    with pytest.raises(OSError, match="disk full"):
        await watch.step()
    assert await world.store.positions(NAME) == Positions()
    world.outcomes.failure = None
    await watch.step()
    (tally,) = (await world.outcomes.tallies(NAME, 0.0)).values()
    assert (tally.versions[1].rows, watch.assess().rows) == (5, 5)


async def test_a_backlog_is_read_in_pieces(world: World) -> None:
    world.log.batch_entries = 2
    world.log.append(*(prediction_batch(sample(1)) for _ in range(9)))
    watch = world.watch()
    await watch.step()
    assert watch.assess().rows == 9


async def test_a_restart_goes_on_where_the_store_stands(world: World) -> None:
    world.log.append(prediction_batch(sample(4)))
    await world.watch().step()
    world.log.append(prediction_batch(sample(3)))
    second = world.watch()
    await second.step()
    assert second.assess().totals.predictions == {"1": 7}


async def test_of_two_monitors_each_row_is_counted_once(world: World) -> None:
    one, other = world.watch(), world.watch()
    for _ in range(5):
        world.log.append(prediction_batch(sample(2)))
        await asyncio.gather(one.step(), other.step())
    await asyncio.gather(one.step(), other.step())
    assert one.assess().totals == other.assess().totals
    assert one.assess().totals.predictions == {"1": 10}


async def test_a_monitor_with_another_outcome_store_neither_reads_nor_shows(world: World) -> None:
    world.log.append(prediction_batch(sample(3)))
    await world.watch().step()
    held = world.store.states[NAME]
    world.log.append(label_batch(3))
    other = Watch(deployment(), replace(world.sources, outcomes=MemoryOutcomes()))
    for look in (other.step, other.stand_by):
        with pytest.raises(LabelsElsewhereError):
            await look()
    assert world.store.states[NAME] is held
    assert (other.ready_release, other.figures()) == (None, None)
    assert "UNDERSTUDY_MONITOR_OUTCOMES_URL" in (other.failure or "")
    with pytest.raises(NotReadyError, match="in the outcome store"):
        other.cells()
    counted = world.numbers.get_sample_value(
        "understudy_monitor_labels_elsewhere_total", {"deployment": NAME}
    )
    assert counted == 2
    del world.store.holders[NAME]
    await other.step()
    assert (other.ready_release, other.failure) == (1, None)


async def test_an_emptied_store_starts_anew(world: World) -> None:
    watch = world.watch()
    world.log.append(prediction_batch(sample(4)))
    await watch.step()
    world.store.states.clear()
    world.log.entries.clear()
    world.log.append(prediction_batch(sample(1)))
    await watch.step()
    assert watch.assess().totals.predictions == {"1": 1}


async def test_nothing_is_lost_while_the_reference_can_not_be_had(world: World) -> None:
    world.log.append(prediction_batch(sample(4)))
    held = world.references.profiles.pop("b" * 64)
    watch = world.watch()
    with pytest.raises(ConnectionError):
        await watch.step()
    release, failure = taken_up(watch)
    assert release is None
    assert "version 1" in str(failure)
    with pytest.raises(NotReadyError):
        watch.assess()
    world.references.profiles["b" * 64] = held
    await watch.step()
    assert taken_up(watch) == (1, None)
    assert watch.assess().rows == 4


async def test_after_a_promotion_the_window_is_of_the_new_reference(world: World) -> None:
    world.references.profiles["b" * 64] = world.references.profiles["1" * 64]
    watch = world.watch()
    world.log.append(prediction_batch(sample(4)))
    await watch.step()
    watch.deployment = deployment(release=2, main=2, reference="2" * 64)
    world.log.append(prediction_batch(sample(3), main=2, release=2))
    await watch.step()
    found = watch.assess()
    assert (found.release, found.rows) == (2, 3)
    assert found.totals.predictions == {"1": 4, "2": 3}


async def test_lag_grows_while_the_log_can_not_be_read(world: World) -> None:
    watch = world.watch()
    await watch.step()
    world.log.failure = ConnectionError("gone")
    world.now += 30.0
    with pytest.raises(ConnectionError):
        await watch.step()
    figures = watch.figures()
    assert figures is not None
    assert figures.lag_seconds == 30.0


async def test_who_may_read(world: World) -> None:
    monitoring = Monitoring(world.follower, world.sources)
    with pytest.raises(NotReadyError):
        monitoring.readable(READER.plaintext, NAME)
    assert monitoring.missing()
    await world.follower.step()
    assert not monitoring.missing()
    assert monitoring.readable(READER.plaintext, NAME).deployment.name == NAME
    with pytest.raises(UnauthenticatedError):
        monitoring.readable(None, NAME)
    with pytest.raises(ForbiddenError):
        monitoring.readable(PREDICTOR.plaintext, NAME)
    with pytest.raises(UnknownDeploymentError) as hidden:
        monitoring.readable(OUTSIDER.plaintext, NAME)
    with pytest.raises(UnknownDeploymentError) as absent:
        monitoring.readable(READER.plaintext, "no-such")
    assert hidden.value.detail.replace(NAME, "no-such") == absent.value.detail
    monitoring.scrapable(SCRAPER.plaintext)
    with pytest.raises(ForbiddenError):
        monitoring.scrapable(READER.plaintext)


async def test_watches_come_and_go_with_the_snapshot(world: World) -> None:
    monitoring = Monitoring(world.follower, world.sources)
    world.shelf.offered = snapshot(deployment(), deployment("churn"))
    await world.follower.step()
    kept = monitoring.watches[NAME]
    assert set(monitoring.watches) == {NAME, "churn"}
    world.shelf.offered = snapshot(deployment(release=2), sequence=2)
    await world.follower.step()
    assert monitoring.watches == {NAME: kept}
    assert kept.deployment.release == 2


async def test_a_deployment_in_trouble_stops_no_other(world: World) -> None:
    monitoring = Monitoring(world.follower, world.sources)
    world.shelf.offered = snapshot(deployment(reference="f" * 64), deployment("churn"))
    await world.follower.step()
    watching = Watching(monitoring, world.metrics, 0.001)
    await watching.step()
    async with asyncio.timeout(5.0):
        while (  # noqa: ASYNC110 - no event tells of a step
            monitoring.watches["churn"].figures() is None or not _failures(world)
        ):
            await asyncio.sleep(0.001)
    await watching.close()
    assert monitoring.watches[NAME].figures() is None


class SlowToEndLog(MemoryLog):
    """Holds every look, also past a cancellation, until it is let go; counts who looks."""

    def __init__(self) -> None:
        super().__init__()
        self.let_go = asyncio.Event()
        self.looks = self.looking = self.most_looking = 0

    async def read(self, deployment: str, after: Positions) -> Delivery:
        self.looks += 1
        self.looking += 1
        self.most_looking = max(self.looking, self.most_looking)
        try:
            await asyncio.sleep(60.0)
        except asyncio.CancelledError:
            await self.let_go.wait()
            raise
        finally:
            self.looking -= 1
        return await super().read(deployment, after)


async def test_a_deployment_that_returns_never_has_two_watches(world: World) -> None:
    log = SlowToEndLog()
    monitoring = Monitoring(world.follower, replace(world.sources, log=log))
    watching = Watching(monitoring, world.metrics, 0.001)
    looping = asyncio.create_task(repeat("watching", watching.step))
    for sequence, present in enumerate((True, False, True), start=2):
        world.shelf.offered = snapshot(*([deployment()] if present else []), sequence=sequence)
        await world.follower.step()
        await asyncio.sleep(0.05)
    assert (log.looking, log.most_looking) == (1, 1)
    log.let_go.set()
    async with asyncio.timeout(5.0):
        while log.looks < 2:  # noqa: ASYNC110 - no event tells of a look
            await asyncio.sleep(0.001)
    await cancel([looping])
    await watching.close()
    assert (log.looking, log.most_looking) == (0, 1)


async def test_references_that_nobody_names_are_let_go(world: World) -> None:
    tidying = Tidying(world.follower, world.references)
    await tidying.step()
    assert len(world.references.profiles) == 3
    await world.follower.step()
    await tidying.step()
    named = {version.reference for version in deployment().versions}
    assert world.references.profiles.keys() == named & {"1" * 64, "2" * 64, "b" * 64}


async def test_the_registry_is_told_what_is_watched(world: World) -> None:
    monitoring = Monitoring(world.follower, world.sources)
    world.shelf.offered = snapshot(deployment(release=3))
    heartbeat = Heartbeat(monitoring, world.shelf, "here:1", 10.0, lambda: world.now)
    await world.follower.step()
    await heartbeat.step()
    await monitoring.watches[NAME].step()
    for waited in (0.0, 0.0, 9.0, 2.0):
        world.now += waited
        await heartbeat.step()
    assert [report.releases for report in world.shelf.reports] == [{}, {NAME: 3}, {NAME: 3}]


async def test_the_registry_is_told_which_keys_were_used_with_the_next_report(
    world: World,
) -> None:
    monitoring = Monitoring(world.follower, world.sources)
    heartbeat = Heartbeat(monitoring, world.shelf, "here:1", 10.0, lambda: world.now)
    await heartbeat.step()
    noon = datetime(2026, 11, 21, 12, tzinfo=UTC)
    monitoring.uses.note("a", noon)
    for waited in (0.0, 10.0, 10.0):
        world.now += waited
        await heartbeat.step()
    assert [report.used for report in world.shelf.reports] == [{}, {"a": noon}, {}]


def taken_up(watch: Watch) -> tuple[int | None, str | None]:
    return watch.ready_release, watch.failure


def _failures(world: World) -> float:
    name = "understudy_monitor_step_failures_total"
    return world.numbers.get_sample_value(name, {"deployment": NAME}) or 0.0


async def test_ready_is_who_has_a_snapshot_and_has_reached_redis(world: World) -> None:
    reached = False
    sources = replace(world.sources, reached=lambda: reached)
    monitoring = Monitoring(world.follower, sources)
    assert {*monitoring.missing()} == {"snapshot", "redis"}
    await world.follower.step()
    assert {*monitoring.missing()} == {"redis"}
    reached = True
    assert monitoring.missing() == {}
