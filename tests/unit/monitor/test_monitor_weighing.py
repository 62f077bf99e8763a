"""Weights of baselines: of whom they are, and what becomes of them when they can't be had."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from services.monitor.domain.errors import WeighingFailedError
from services.monitor.domain.outcomes.baseline import Baseline
from services.monitor.metrics import MonitorMetrics
from services.monitor.operations import Sources
from services.monitor.operations.watching import Watch
from services.monitor.operations.weighing import Weighing
from tests.fakes.monitor import MemoryLog, MemoryReferences, MemoryStore
from tests.fakes.monitor_entries import NAME, NOW, RULES, deployment, prediction_batch, sample
from tests.fakes.outcomes import MemoryOutcomes
from understudy.contracts import registry
from understudy.contracts.vocabulary import BaselineSample
from understudy.profiles.arrays import Floats
from understudy.profiles.columns import Column

pytestmark = pytest.mark.anyio

FILE = "f" * 64


@dataclass
class Scales:
    """`ports.Weigher` that gives what it is told to give."""

    answer: Floats | WeighingFailedError | None = None
    asked: list[int] = field(default_factory=list)

    async def weights(
        self, _signature: Any, live: Sequence[Any], baseline: Mapping[str, Column], seconds: float
    ) -> Floats | None:
        assert seconds > 0
        assert live
        self.asked.append(len(baseline["income"]))
        if isinstance(self.answer, WeighingFailedError):
            raise self.answer
        return self.answer


class Desk:
    """A deployment whose versions were measured on the same ten rows."""

    def __init__(self, *, places: bool = True, live_rows: int = 1_000) -> None:
        self.log, self.scales = MemoryLog(), Scales(np.arange(10) / 4.5)
        rows = np.arange(10)
        baseline = Baseline(
            sample=BaselineSample.EVALUATION,
            values=np.zeros(10),
            probabilities=np.full((10, 2), 0.5),
            labels=np.zeros(10),
            classes=2,
            places=rows * 2 if places else None,
        )
        columns: dict[str, Column] = {"income": np.arange(20.0), "job": ["clerk"] * 20}
        sources = Sources(
            log=self.log,
            store=MemoryStore(),
            references=MemoryReferences({}, {FILE: baseline}, {"b" * 64: columns}),
            outcomes=MemoryOutcomes(),
            metrics=MonitorMetrics(CollectorRegistry()),
            rules=RULES,
            clock=lambda: NOW,
        )
        described = registry.Baseline(file=FILE, sample=BaselineSample.EVALUATION, rows=10)
        found = deployment()
        versions = tuple(one.model_copy(update={"baseline": described}) for one in found.versions)
        self.served = versions[0]
        watch = Watch(found.model_copy(update={"versions": versions}), sources)
        self.weighing = Weighing(lambda: {NAME: watch}, sources, self.scales)
        self.log.append(prediction_batch(sample(live_rows)))


async def test_weights_are_of_the_rows_that_were_measured() -> None:
    desk = Desk()
    assert desk.weighing.of(NAME, desk.served) is None
    await desk.weighing.step()
    found = desk.weighing.of(NAME, desk.served)
    assert found is not None
    assert found.tolist() == (np.arange(10) / 4.5).tolist()
    assert set(desk.scales.asked) == {10}


async def test_a_failure_keeps_what_was_found_and_likeness_lets_it_go() -> None:
    desk = Desk()
    await desk.weighing.step()
    desk.scales.answer = WeighingFailedError("not ready")
    await desk.weighing.step()
    assert desk.weighing.of(NAME, desk.served) is not None
    desk.scales.answer = None
    await desk.weighing.step()
    assert desk.weighing.of(NAME, desk.served) is None


@pytest.mark.parametrize(("places", "live_rows"), [(False, 1_000), (True, 999)])
async def test_without_places_or_enough_rows_nothing_is_weighed(
    places: bool, live_rows: int
) -> None:
    desk = Desk(places=places, live_rows=live_rows)
    await desk.weighing.step()
    assert (desk.scales.asked, desk.weighing.of(NAME, desk.served)) == ([], None)
