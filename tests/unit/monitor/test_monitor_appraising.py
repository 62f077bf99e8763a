"""What labels say of a deployment, over fakes, and its routes."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from services.monitor.adapters.adwin import Adwin
from services.monitor.api.door import readable_by
from services.monitor.api.outcomes import outcome_routes
from services.monitor.app import http_app
from services.monitor.domain.outcomes.baseline import Baseline
from services.monitor.domain.outcomes.facts import Losses, Standing
from services.monitor.domain.outcomes.tallies import CohortId, CohortTally
from services.monitor.domain.reports import Span
from services.monitor.metrics import MonitorMetrics
from services.monitor.operations import Monitoring, Sources, Watch
from services.monitor.operations.appraising import FRESH_SECONDS, Appraising
from tests.fakes.labelled_rows import DAY, NUMBER, START, Rows, binary_rows, terms
from tests.fakes.monitor import MemoryLog, MemoryReferences, MemoryStore, SnapshotShelf
from tests.fakes.monitor_entries import (
    NAME,
    OUTSIDER,
    READER,
    RULES,
    SIGNATURE,
    bearer,
    deployment,
    reference_profile,
    served,
    snapshot,
)
from tests.fakes.outcomes import MemoryOutcomes
from understudy.contracts import registry
from understudy.contracts.monitor import CoverageView, FairnessView, QualityView
from understudy.contracts.registry import DeploymentSnapshot
from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import BaselineSample, Role
from understudy.runtime.following import Follower, SnapshotCache

pytestmark = pytest.mark.anyio

NOW = START + 6 * DAY + 3_600.0


@dataclass
class Counted(MemoryOutcomes):
    """With tallies of rows that came some other way."""

    cohorts: Mapping[CohortId, CohortTally] = field(default_factory=dict)
    asked: int = 0
    losses: Losses = field(default_factory=lambda: Losses(np.zeros(0), np.zeros(0)))

    async def tallies(self, deployment: str, since: float) -> Mapping[CohortId, CohortTally]:
        assert deployment == NAME
        self.asked += 1
        return {name: held for name, held in self.cohorts.items() if name.start >= since}

    async def standing(self, deployment: str) -> Standing:
        assert deployment == NAME
        return Standing(parked=3, corrected=0, duplicates=0)

    async def newest_losses(self, deployment: str, main: int, span: Span, most: int) -> Losses:
        assert (deployment, main, span.ends, most) == (NAME, 1, NOW - DAY, 20_000)
        late = self.losses.at >= span.begins
        return Losses(self.losses.at[late], self.losses.losses[late])


@dataclass
class World:
    folder: Path
    outcomes: Counted = field(default_factory=Counted)
    baselines: dict[str, Baseline] = field(default_factory=dict)
    now: float = NOW
    described: DeploymentSnapshot = field(default_factory=deployment)

    def __post_init__(self) -> None:
        references = MemoryReferences({"b" * 64: reference_profile(self.folder)}, self.baselines)
        self.sources = Sources(
            log=MemoryLog(),
            store=MemoryStore(),
            references=references,
            outcomes=self.outcomes,
            metrics=MonitorMetrics(CollectorRegistry()),
            rules=RULES,
            clock=lambda: self.now,
        )
        self.appraising = Appraising(self.sources, Adwin())

    @property
    def watch(self) -> Watch:
        return Watch(self.described, self.sources)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def measured(world: World, rows: Rows) -> None:
    """Version 1 has a baseline of such rows."""
    world.baselines["c" * 64] = Baseline(
        BaselineSample.EVALUATION, rows.values[1], rows.probabilities[1], rows.labels, 2
    )
    described = registry.Baseline(file="c" * 64, sample=BaselineSample.EVALUATION, rows=1)
    versions = (served(1).model_copy(update={"baseline": described}), served(2))
    world.described = world.described.model_copy(update={"versions": versions})


async def test_quality_is_of_whole_days_with_the_estimate_beside_it(world: World) -> None:
    measured(world, binary_rows(5_000, seed=3))
    world.outcomes.cohorts = binary_rows(7_000, days=6).cohorts()
    found = await world.appraising.quality(world.watch, 3)
    assert found.since.timestamp() == START + 4 * DAY
    assert [day.begins.timestamp() for day in found.days] == [START + n * DAY for n in (4, 5)]
    [main] = found.matured
    assert (main.version, main.role) == (1, Role.MAIN)
    estimate, real = main.estimated["accuracy"], main.metrics["accuracy"]
    assert estimate.value == pytest.approx(real.value, abs=0.05)
    assert len((await world.appraising.quality(world.watch)).days) == 6


async def test_cohorts_of_seconds_are_merged_before_they_fill_the_memory(world: World) -> None:
    judging = world.described.policy.judging
    brief = replace(judging, comparison=replace(judging.comparison, label_horizon_seconds=0.0))
    policy = replace(world.described.policy, judging=brief)
    world.described = world.described.model_copy(update={"policy": policy})
    found = await world.appraising.quality(world.watch)
    assert found.since.timestamp() == START


async def test_an_answer_is_handed_out_again_for_a_while(world: World) -> None:
    world.outcomes.cohorts = binary_rows(100).cohorts()
    watch = world.watch
    one = await world.appraising.fairness(watch)
    assert await world.appraising.fairness(watch) is one
    assert world.outcomes.asked == 1
    await world.appraising.fairness(watch, 2)
    assert world.outcomes.asked == 2
    world.now += FRESH_SECONDS
    assert await world.appraising.fairness(watch) is not one
    watch.deployment = watch.deployment.model_copy(update={"release": 2})
    assert (await world.appraising.fairness(watch)).release == 2


async def test_concept_is_held_to_the_baseline(world: World) -> None:
    measured(world, binary_rows(5_000, seed=3))
    rows = binary_rows(5_000, days=4.0)
    world.outcomes.cohorts = replace(rows, labels=1 - rows.labels).cohorts()
    values = np.repeat([0.1, 0.9], 500)
    world.outcomes.losses = Losses(START + np.arange(1_000.0), values)
    since = datetime.fromtimestamp(START - DAY, UTC)
    world.described = world.described.model_copy(update={"released_at": since})
    found = await world.appraising.concept(world.watch)
    assert found.alarm
    assert found.estimate_gap_lasts
    assert found.changed_at is not None
    assert abs(found.changed_at.timestamp() - START - 500) < 50
    late = datetime.fromtimestamp(START + 10 * DAY, UTC)
    world.described = world.described.model_copy(
        update={"main_since": late, "release": 2, "previous_release": 1}
    )
    assert (await world.appraising.concept(world.watch)).rows == 0


async def test_a_change_of_losses_is_one_since_the_main_became_main(world: World) -> None:
    world.outcomes.cohorts = binary_rows(5_000, days=4.0).cohorts()
    world.outcomes.losses = Losses(START + np.arange(1_000.0), np.repeat([0.1, 0.9], 500))
    since = datetime.fromtimestamp(START + 600.0, UTC)
    world.described = world.described.model_copy(update={"main_since": since})
    assert (await world.appraising.concept(world.watch)).changed_at is None


async def test_training_rows_are_no_truth_for_concept(world: World) -> None:
    measured(world, binary_rows(5_000, seed=3))
    held = world.baselines["c" * 64]
    world.baselines["c" * 64] = replace(held, sample=BaselineSample.REFERENCE)
    rows = binary_rows(5_000, days=4.0)
    world.outcomes.cohorts = replace(rows, labels=1 - rows.labels).cohorts()
    since = datetime.fromtimestamp(START - DAY, UTC)
    world.described = world.described.model_copy(update={"released_at": since})
    found = await world.appraising.concept(world.watch)
    assert not found.alarm
    assert (found.reference_risk, found.estimate_gap) == (None, None)
    assert found.assumes is not None
    assert "evaluation sample" in found.assumes


async def test_weights_of_today_are_for_the_estimate_alone(world: World) -> None:
    known = binary_rows(5_000, seed=3)
    measured(world, known)
    world.outcomes.cohorts = binary_rows(5_000, days=4.0).cohorts()
    since = datetime.fromtimestamp(START - DAY, UTC)
    world.described = world.described.model_copy(update={"released_at": since})
    heavy = np.where(known.labels > 0, 100.0, 1.0)
    weighed = Appraising(world.sources, Adwin(), lambda *_: heavy)
    plain = (await world.appraising.concept(world.watch)).estimate_gap
    assert plain is not None
    assert (await weighed.concept(world.watch)).estimate_gap == plain
    [found] = (await weighed.quality(world.watch)).matured
    [usual] = (await world.appraising.quality(world.watch)).matured
    assert found.estimated["accuracy"] != usual.estimated["accuracy"]
    assert found.estimated_assumes is not None
    assert "today's mix" in found.estimated_assumes


async def test_a_step_leaves_what_metrics_show(world: World) -> None:
    world.outcomes.cohorts = binary_rows(100).cohorts()
    watch = world.watch
    await world.appraising.step(watch)
    assert watch.labelled.quality is not None
    assert watch.labelled.coverage is not None
    assert watch.labelled.coverage.parked == 3
    assert watch.labelled.fairness is not None


async def test_metrics_show_what_the_release_has_and_what_it_promised(world: World) -> None:
    measured(world, binary_rows(5_000, seed=3))
    world.outcomes.cohorts = binary_rows(7_000, days=6).cohorts()
    watch = world.watch
    await world.appraising.step(watch)
    [promised] = watch.labelled.promised
    assert (promised.version, promised.role) == (1, Role.MAIN)
    found = watch.labelled.quality
    assert found is not None
    assert promised.metrics["accuracy"].value == pytest.approx(
        found.matured[0].metrics["accuracy"].value, abs=0.05
    )
    update = {"main": 2, "challengers": (), "release": 2}
    watch.deployment = watch.deployment.model_copy(update=update)
    await world.appraising.step(watch)
    left = watch.labelled
    assert (left.promised, left.quality and left.quality.matured) == ((), ())
    assert left.coverage is not None
    assert "1" not in left.coverage.versions


async def test_a_regression_s_terms_take_the_target_s_deviation(world: World) -> None:
    signature = Signature(SIGNATURE.features, NUMBER)
    profile = reference_profile(world.folder)
    output = replace(profile.output, deviation=10.0)
    world.sources.references.profiles["b" * 64] = replace(profile, output=output)  # type: ignore[attr-defined]
    versions = tuple(served(n).model_copy(update={"signature": signature}) for n in (1, 2))
    world.described = world.described.model_copy(update={"versions": versions})
    true = np.random.default_rng(1).normal(0.0, 10.0, 200)
    rows = Rows(NUMBER, START + np.arange(200.0), true, {1: true + 1.0}, terms=terms(NUMBER))
    world.outcomes.cohorts = rows.cohorts()
    [main] = (await world.appraising.quality(world.watch)).matured
    assert main.metrics["mae"].value == pytest.approx(1.0, abs=1e-4)


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    world.outcomes.cohorts = binary_rows(500).cohorts()
    shelf = SnapshotShelf(snapshot(world.described))
    follower = Follower(shelf, SnapshotCache(world.folder / "snapshot.json"), 0.0)
    monitoring = Monitoring(follower, world.sources)
    await follower.step()
    await monitoring.watches[NAME].step()  # nothing is told before it was read
    app = http_app(outcome_routes(readable_by(monitoring), world.appraising))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://monitor") as client:
        yield client


async def test_each_is_a_route(client: httpx.AsyncClient) -> None:
    bodies = {"quality": QualityView, "labels": CoverageView, "fairness": FairnessView}
    for name, body in bodies.items():
        path = f"/v1/deployments/{NAME}/{name}"
        answer = await client.get(path, headers=bearer(READER), params={"days": 30})
        assert answer.status_code == 200
        assert body.model_validate_json(answer.content).deployment == NAME  # type: ignore[attr-defined]
        assert (await client.get(path)).status_code == 401
        assert (await client.get(path, headers=bearer(OUTSIDER))).status_code == 404


@pytest.mark.parametrize("days", ["0", "367", "-1", "1.5", "soon", "", "9" * 5_000])
async def test_other_days_are_refused_with_what_is_asked_for(
    client: httpx.AsyncClient, days: str
) -> None:
    path = f"/v1/deployments/{NAME}/quality"
    answer = await client.get(path, headers=bearer(READER), params={"days": days})
    assert answer.status_code == 422
    assert answer.json()["code"] == "unreadable_days"
    assert "1 to 366" in answer.json()["detail"]
