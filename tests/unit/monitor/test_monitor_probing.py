"""The probe: each row is bet on once at most, whatever restarts, and busy logs are sampled."""

from datetime import UTC, datetime

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from services.monitor.domain.drifting.interactions import interaction_alarm, interaction_at
from services.monitor.domain.probes import Probe
from services.monitor.metrics import MonitorMetrics
from services.monitor.operations import Sources
from services.monitor.operations.probing import ProbeTerms, Probing
from tests.fakes.monitor import MemoryLog, MemoryProbes, MemoryReferences, MemoryStore
from tests.fakes.monitor_entries import NAME, NOW, RULES, deployment, prediction_batch, sample
from tests.fakes.outcomes import MemoryOutcomes
from understudy.contracts.registry import DeploymentSnapshot
from understudy.profiles.columns import Column

pytestmark = pytest.mark.anyio

ROWS = 500


class Desk:
    """One deployment, and whoever looks at it."""

    def __init__(self) -> None:
        self.log, self.probes = MemoryLog(), MemoryProbes()
        self.numbers = CollectorRegistry()
        self.references = MemoryReferences({}, samples={"b" * 64: together(3_000, 1, 0.0)})
        self.deployment: DeploymentSnapshot = deployment()
        self.probe: Probe | None = None
        self.sources = Sources(
            log=self.log,
            store=MemoryStore(),
            references=self.references,
            outcomes=MemoryOutcomes(),
            metrics=MonitorMetrics(self.numbers),
            rules=RULES,
            clock=lambda: NOW,
        )

    def probing(self) -> Probing:
        terms = ProbeTerms(ROWS, features=50, reference_rows=3_000)
        return Probing(lambda: {NAME: self}, self.sources, self.probes, terms)

    def write(self, seed: int, correlation: float, rows: int = ROWS, main: int = 1) -> None:
        columns = {name: [*held] for name, held in together(rows, seed, correlation).items()}
        self.log.append(prediction_batch(columns, at=NOW + seed, main=main))


def together(rows: int, seed: int, correlation: float) -> dict[str, Column]:
    """Applicants whose income goes with the number of their children."""
    rng = np.random.default_rng(1_000 + seed)
    found = {name: np.array(held) for name, held in sample(rows, seed).items() if name != "job"}
    noise = rng.standard_normal(rows)
    score = (found["income"] - 100) / 15 * correlation + noise * np.sqrt(1 - correlation**2)
    found["children"] = np.digitize(score, [-0.67, 0.0, 0.67]).astype(float)
    return {**found, "job": rng.choice(["clerk", "nurse"], rows).tolist()}


async def test_what_goes_together_otherwise_is_found() -> None:
    desk = Desk()
    probing = desk.probing()
    for seed in range(3):
        desk.write(seed, 0.0)
        await probing.step()
    assert desk.probe is not None
    assert not desk.probe.alarm
    for seed in range(3, 9):
        desk.write(seed, 0.9)
        await probing.step()
    assert desk.probe.alarm
    assert desk.probe.pairs[0] == ("income", "children")
    assert desk.probe.wealth.since in {NOW + 3, NOW + 4}
    assert desk.probe.looked_at == NOW


async def test_rows_are_bet_on_once_and_a_restart_keeps_the_evidence() -> None:
    desk = Desk()
    probing = desk.probing()
    for seed in range(4):
        desk.write(seed, 0.9)
        await probing.step()
    held = desk.probe
    await probing.step()
    assert desk.probe is held is not None
    anew = desk.probing()
    await anew.step()
    assert desk.probe is held
    desk.write(4, 0.9)
    await anew.step()
    # The first window after a restart teaches; the evidence goes on with the second.
    assert desk.probe is not held
    assert desk.probe.wealth.bets == held.wealth.bets
    desk.write(5, 0.9)
    await anew.step()
    assert desk.probe.wealth.bets == held.wealth.bets + 1


async def test_two_monitors_bet_on_a_window_once() -> None:
    desk = Desk()
    both = desk.probing(), desk.probing()
    for seed in range(4):
        desk.write(seed, 0.9)
        for probing in both:
            await probing.step()
    assert desk.probes.probes[NAME].wealth.bets == 3


async def test_too_few_rows_are_left_for_the_next_look() -> None:
    desk = Desk()
    desk.write(0, 0.0, rows=ROWS - 1)
    await desk.probing().step()
    assert NAME not in desk.probes.probes


async def test_of_a_busy_log_the_newest_rows_are_taken() -> None:
    desk = Desk()
    for seed in range(10):
        desk.write(seed, 0.0)
    await desk.probing().step()
    assert (desk.probe or Probe("")).window_at == NOW + 9
    assert (desk.probe or Probe("")).position == "10-0"


async def test_another_reference_begins_anew() -> None:
    desk = Desk()
    probing = desk.probing()
    for seed in range(6):
        desk.write(seed, 0.9)
        await probing.step()
    assert (desk.probe or Probe("")).alarm
    other = "c" * 64
    desk.references.samples[other] = together(3_000, 2, 0.9)
    desk.deployment = deployment(reference=other)
    await probing.step()
    assert desk.probe is not None
    assert (desk.probe.alarm, desk.probe.reference) == (False, other)
    for seed in range(6, 10):
        desk.write(seed, 0.9)
        await probing.step()
    assert not desk.probe.alarm


async def test_a_reference_that_is_not_to_be_had_is_counted() -> None:
    desk = Desk()
    desk.references.samples.clear()
    desk.write(0, 0.0)
    await desk.probing().step()
    failed = desk.numbers.get_sample_value(
        "understudy_monitor_probe_failures_total", {"deployment": NAME}
    )
    assert (failed, desk.probe) == (1.0, None)


@pytest.mark.parametrize("column", [np.full(3_000, np.nan), np.full(3_000, 2.0)])
async def test_a_reference_with_one_usable_feature_judges_nothing(column: Column) -> None:
    desk = Desk()
    held = dict(desk.references.samples["b" * 64])
    desk.references.samples["b" * 64] = {**dict.fromkeys(held, column), "income": held["income"]}
    for seed in range(3):
        desk.write(seed, 0.9)
        await desk.probing().step()
    assert desk.probe is not None
    assert (desk.probe.alarm, desk.probe.wealth.bets) == (False, 0)


async def test_it_is_told_like_all_drift() -> None:
    desk = Desk()
    assert interaction_alarm(Probe("")) is None
    probing = desk.probing()
    for seed in range(6):
        desk.write(seed, 0.9)
        await probing.step()
    found = interaction_alarm(desk.probe or Probe(""))
    assert found is not None
    assert found.crossed
    assert found.pairs[0] == ("income", "children")
    assert found.since.timestamp() == NOW
    assert interaction_at(desk.probe) == datetime.fromtimestamp(NOW, UTC)
