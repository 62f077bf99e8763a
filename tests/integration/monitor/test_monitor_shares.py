"""Two real monitors share six deployments; one is killed, the other takes over, nothing is lost."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from services.monitor.adapters.leases import lease_key
from tests.fakes.monitor import FakeRegistry, fake_registry
from tests.fakes.monitor_entries import (
    SCRAPER,
    deployment,
    prediction_batch,
    reference_file,
    sample,
    snapshot,
)
from tests.monitor_process import MonitorProcess, running
from understudy.contracts import events

pytestmark = pytest.mark.slow

NAMES = [f"risk-{number}" for number in range(6)]
ROWS = 3
SETTINGS = {"LEASE_SECONDS": "2"}


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with fake_registry(snapshot()) as server:
        sample_file = server.store(reference_file())
        server.publish(snapshot(*(deployment(name, reference=sample_file) for name in NAMES)))
        yield server


def write(client: "redis.Redis", entries: int) -> None:
    for name in NAMES:
        for _ in range(entries):
            fields: Any = events.encode(prediction_batch(sample(ROWS), at=time.time()))
            client.xadd(events.predictions_key(name), fields)


def holders(client: "redis.Redis") -> list[bytes | None]:
    found: Any = [client.get(lease_key(name)) for name in NAMES]
    return list(found)


def until(holds: Callable[[], bool], monitor: MonitorProcess) -> None:
    deadline = time.monotonic() + 90.0
    while not holds():
        assert time.monotonic() < deadline, monitor.log()[-3000:]
        time.sleep(0.05)


@pytest.mark.timeout(400)
def test_two_share_and_one_takes_over(
    redis_url: str, registry: FakeRegistry, tmp_path: Path
) -> None:
    settings = {**SETTINGS, "OUTCOMES_URL": f"sqlite:///{tmp_path / 'outcomes.db'}"}
    with (
        redis.Redis.from_url(redis_url) as client,
        running(redis_url, registry, tmp_path / "one", settings) as one,
        running(redis_url, registry, tmp_path / "other", settings) as other,
    ):
        until(lambda: _evenly(holders(client)), one)
        write(client, entries=5)
        _until_counted(one, 5)
        # Who stands by shows what the other has counted.
        _until_counted(other, 5)
        assert _held(one) == _held(other) == 3
        one.kill()
        write(client, entries=5)
        _until_counted(other, 10)
        until(lambda: _held(other) == 6, other)
        write(client, entries=5)
        _until_counted(other, 15)


def _evenly(found: list[bytes | None]) -> bool:
    return None not in found and all(found.count(one) == 3 for one in found)


def _until_counted(monitor: MonitorProcess, entries: int) -> None:
    """Exactly: neither lost nor doubled."""
    for name in NAMES:
        expected = {"1": entries * ROWS}
        found = monitor.until(
            lambda a, e=expected: a.totals.predictions.get("1", 0) >= e["1"],  # type: ignore[misc]
            deployment=name,
        )
        assert found.totals.predictions == expected


def _held(monitor: MonitorProcess) -> int:
    name = "understudy_monitor_leases_held "
    lines = monitor.get("/metrics", SCRAPER).text.splitlines()
    return int(float(next(line for line in lines if line.startswith(name)).split()[1]))
