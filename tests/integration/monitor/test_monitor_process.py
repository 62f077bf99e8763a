"""The monitor as a real process: follows, counts exactly through kills and outages, reports."""

import random
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.conftest import free_port
from tests.fakes.monitor import FakeRegistry, fake_registry
from tests.fakes.monitor_entries import (
    NAME,
    SCRAPER,
    deployment,
    label_batch,
    pair_batch,
    prediction_batch,
    reference_file,
    sample,
    snapshot,
)
from tests.monitor_process import MonitorProcess, running
from understudy.contracts import events
from understudy.contracts.vocabulary import Component
from understudy.launch.redis_server import find_redis_server, redis_command

KILLS = 10


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with fake_registry(snapshot()) as server:
        server.publish(snapshot(deployment(reference=server.store(reference_file()))))
        yield server


def write(client: "redis.Redis", *entries: events.Entry) -> None:
    keys = {
        events.PredictionBatch: events.predictions_key,
        events.PairBatch: events.pairs_key,
        events.LabelBatch: events.labels_key,
    }
    for entry in entries:
        fields: Any = events.encode(entry)
        client.xadd(keys[type(entry)](NAME), fields)


@dataclass
class Written:
    """What a writer appended."""

    predictions: int = 0
    pairs: int = 0
    labels: int = 0


def write_until(stopped: threading.Event, redis_url: str, written: Written) -> None:
    choice = random.Random(1)
    with redis.Redis.from_url(redis_url) as client:
        while not stopped.wait(0.01):
            rows = choice.randint(1, 5)
            probabilities = [choice.random() for _ in range(rows)]
            columns = sample(rows, seed=written.predictions)
            entry = prediction_batch(columns, at=time.time(), probabilities=probabilities)
            pairs = pair_batch(probabilities, probabilities, at=time.time())
            write(client, entry, pairs, label_batch(1))
            written.predictions += rows
            written.pairs += rows
            written.labels += 1


@pytest.mark.slow
def test_totals_are_exact_after_many_kills(
    redis_url: str, registry: FakeRegistry, tmp_path: Path
) -> None:
    stopped, written, choice = threading.Event(), Written(), random.Random(2)
    writer = threading.Thread(target=write_until, args=(stopped, redis_url, written))
    writer.start()
    with running(redis_url, registry, tmp_path) as monitor:
        try:
            for _ in range(KILLS):
                _until_committed(redis_url)
                time.sleep(choice.uniform(0.0, 0.2))
                monitor.kill()
                monitor.start()
        finally:
            stopped.set()
            writer.join()
        found = monitor.until(lambda a: a.totals.predictions.get("1", 0) >= written.predictions)
        found = monitor.until(lambda a: a.totals.labels >= written.labels)
        assert found.totals.predictions == {"1": written.predictions}
        assert found.totals.pairs == {"2": written.pairs}
        assert found.totals.labels == written.labels
        # All of it happened within the window, so that the cells must hold the same.
        assert found.rows == written.predictions
        assert found.agreements[0].rows == written.pairs
        assert all(sum(f.live_counts) <= written.predictions for f in found.features)
        assert monitor.log().count('"state_loaded"') == KILLS + 1


def test_it_follows_reports_and_shows(
    redis_url: str, registry: FakeRegistry, tmp_path: Path
) -> None:
    with (
        redis.Redis.from_url(redis_url) as client,
        running(redis_url, registry, tmp_path) as monitor,
    ):
        at, rows = time.time(), 300
        columns = {name: [*values] for name, values in sample(rows, seed=3, shift=1.0).items()}
        columns["children"] = [None] * rows
        columns["job"][0] = "<script>alert(1)</script>"
        write(client, prediction_batch(columns, at=at), label_batch(2))
        found = monitor.until(lambda a: a.rows == rows and a.totals.labels == 2)
        drifts = {f.feature: f.drift_psi or 0.0 for f in found.features}
        assert drifts["income"] > 0.5 > drifts["owner"]
        _check_metrics(monitor)
        _check_report(monitor)
        _check_following(client, registry, monitor)
        _check_flush(client, monitor)
        assert monitor.get("/readyz").json() == {"ready": True}
        assert monitor.stop() in {0, -signal.SIGTERM}
        assert "Application shutdown complete." in monitor.log()


def test_an_outage_of_redis_loses_nothing(registry: FakeRegistry, tmp_path: Path) -> None:
    port = free_port()
    command = redis_command(find_redis_server(), port=port, folder=tmp_path)
    url = f"redis://127.0.0.1:{port}/0"
    with running(url, registry, tmp_path) as monitor:
        for round_number in (1, 2):
            with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
                with redis.Redis.from_url(url, retry_on_error=[redis.ConnectionError]) as client:
                    _until_loaded(client)
                    write(client, prediction_batch(sample(5), at=time.time()))
                    expected = {"1": 5 * round_number}
                    monitor.until(lambda a, e=expected: a.totals.predictions == e)  # type: ignore[misc]
                server.terminate()
            # Without Redis the last figures are still shown.
            assert monitor.get("/livez").is_success
            assert monitor.assessment() is not None


def _check_metrics(monitor: MonitorProcess) -> None:
    text = monitor.get("/metrics", SCRAPER).text
    assert f'understudy_monitored_predictions_total{{deployment="{NAME}",version="1"}} 300' in text
    promtool = shutil.which("promtool")
    if promtool is not None:
        checked = subprocess.run(
            [promtool, "check", "metrics"], input=text.encode(), capture_output=True, check=False
        )
        assert (checked.returncode, checked.stderr) == (0, b"")


def _check_report(monitor: MonitorProcess) -> None:
    page = monitor.get(f"/v1/deployments/{NAME}/report")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8"), (
        page.text[:500] + monitor.log()[-3000:]
    )
    assert "300 rows of the log against 2000 rows of the reference sample" in page.text
    assert "children is left out: the window holds no values." in page.text
    assert "<script>alert(1)</script>" not in page.text
    began = time.monotonic()
    assert monitor.get(f"/v1/deployments/{NAME}/report").text == page.text
    assert time.monotonic() - began < 2.0


def _check_following(
    client: "redis.Redis", registry: FakeRegistry, monitor: MonitorProcess
) -> None:
    other = registry.store(reference_file(seed=8))
    registry.publish(snapshot(deployment(release=2, main=2, reference=other), sequence=2))
    monitor.until(lambda a: a.release == 2 and a.rows == 0)
    write(client, prediction_batch(sample(4), at=time.time(), main=2, release=2))
    found = monitor.until(lambda a: a.rows == 4)
    assert found.totals.predictions == {"1": 300, "2": 4}
    last = registry.reports[-1]
    assert (last.component, last.failures) == (Component.MONITOR, {})
    deadline = time.monotonic() + 5.0
    while registry.reports[-1].releases != {NAME: 2} and time.monotonic() < deadline:
        time.sleep(0.05)
    assert registry.reports[-1].releases == {NAME: 2}


def _check_flush(client: "redis.Redis", monitor: MonitorProcess) -> None:
    client.flushall()
    monitor.until(lambda a: a.totals.predictions == {})
    write(client, prediction_batch(sample(6), at=time.time(), main=2, release=2))
    monitor.until(lambda a: a.totals.predictions == {"2": 6})
    assert '"state_reloaded"' in monitor.log()


def _until_committed(redis_url: str) -> None:
    """Wait until the monitor that runs has moved on."""
    with redis.Redis.from_url(redis_url) as client:
        before = client.hgetall(events.monitor_positions_key(NAME))
        deadline = time.monotonic() + 20.0
        while client.hgetall(events.monitor_positions_key(NAME)) == before:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def _until_loaded(client: "redis.Redis") -> None:
    deadline = time.monotonic() + 10.0
    while time.monotonic() < deadline:
        try:
            client.ping()
        except redis.ConnectionError:
            time.sleep(0.02)
        else:
            return
    raise TimeoutError("redis-server did not answer")
