"""A real monitor finds changed interactions, keeps its evidence through kills, keeps a report."""

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import redis

from tests.fakes.monitor import FakeRegistry, fake_registry
from tests.fakes.monitor_entries import (
    NAME,
    Columns,
    deployment,
    prediction_batch,
    reference_file,
    sample,
    snapshot,
)
from tests.monitor_process import MonitorProcess, running
from understudy.contracts import events
from understudy.contracts.monitor import DriftAlarm, DriftView, ReportView
from understudy.contracts.registry import Page
from understudy.contracts.vocabulary import DriftKind

ROWS = 1_000
SETTINGS = {"PROBE_SECONDS": "0.1", "PROBE_ROWS": str(ROWS)}


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with fake_registry(snapshot()) as server:
        server.publish(snapshot(deployment(reference=server.store(reference_file()))))
        yield server


def together(seed: int) -> Columns:
    """Whoever earns more has more children; each for itself is as it was."""
    found = sample(ROWS, seed)
    income, several = (np.array(found[name], dtype=float) for name in ("income", "children"))
    children = np.empty(ROWS)
    children[np.argsort(income)] = np.sort(several)
    return {**found, "children": children.tolist()}


class Desk:
    """Writes windows, and waits until each was looked at."""

    def __init__(self, client: "redis.Redis", monitor: MonitorProcess) -> None:
        self.client = client
        self.monitor = monitor

    def write(self, columns: Columns) -> DriftView:
        before = self.drift()
        fields: Any = events.encode(prediction_batch(columns, at=time.time()))
        self.client.xadd(events.predictions_key(NAME), fields)
        looked = None if before is None else before.interaction_at
        return self.until(lambda view: view.interaction_at not in {None, looked})

    def until(self, holds: Callable[[DriftView], bool]) -> DriftView:
        deadline = time.monotonic() + 30.0
        while time.monotonic() < deadline:
            found = self.drift()
            if found is not None and holds(found):
                return found
            time.sleep(0.05)
        raise AssertionError(f"{self.drift()}\n{self.monitor.log()[-4000:]}")

    def drift(self) -> DriftView | None:
        try:
            answer = self.monitor.get(f"/v1/deployments/{NAME}/drift")
        except httpx.TransportError:
            return None
        return DriftView.model_validate_json(answer.content) if answer.is_success else None

    def reports(self) -> tuple[ReportView, ...]:
        deadline = time.monotonic() + 60.0
        while time.monotonic() < deadline:
            answer = self.monitor.get(f"/v1/deployments/{NAME}/reports")
            kept = Page[ReportView].model_validate_json(answer.content).items
            if any("interaction" in report.reason for report in kept):
                return kept
            time.sleep(0.1)
        raise AssertionError(self.monitor.log()[-4000:])


def interaction(view: DriftView) -> DriftAlarm | None:
    return next((one for one in view.alarms if one.kind is DriftKind.INTERACTION), None)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_changed_interactions_are_found_through_a_kill_and_reported(
    redis_url: str, registry: FakeRegistry, tmp_path: Path
) -> None:
    with (
        redis.Redis.from_url(redis_url) as client,
        running(redis_url, registry, tmp_path, SETTINGS) as monitor,
    ):
        desk = Desk(client, monitor)
        for seed in range(3):
            assert interaction(desk.write(sample(ROWS, 10 + seed))) is None
        changed_at = time.time()
        for seed in range(3):
            view = desk.write(together(20 + seed))
        evidence = _evidence(view)
        monitor.kill()
        monitor.start()
        # Standing by or not, what was stored is what is told, until the next look.
        for seed in range(5):
            view = desk.write(together(30 + seed))
        assert _evidence(view) >= evidence
        found = interaction(view)
        assert found is not None
        assert found.pairs[0] == ("income", "children")
        assert abs(found.since.timestamp() - changed_at) < 30.0
        kept = desk.reports()
        page = monitor.get(f"/v1/deployments/{NAME}/reports/{kept[0].id}")
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert "income × children" in page.text
        _check_windows(monitor, datetime.fromtimestamp(changed_at).astimezone())


def _evidence(view: DriftView) -> float:
    return next(one.log_evidence for one in view.watched if one.kind is DriftKind.INTERACTION)


def _check_windows(monitor: MonitorProcess, changed_at: datetime) -> None:
    """A report on what was before the change, by time."""
    path = f"/v1/deployments/{NAME}/report?to={changed_at.isoformat()}&version=1"
    page = monitor.get(path)
    assert page.status_code == 200, page.text[:500]
    assert "3000 rows of the log" in page.text
    empty = monitor.get(f"/v1/deployments/{NAME}/report?day=2020-02-29")
    assert (empty.status_code, empty.json()["code"]) == (404, "nothing_observed")
