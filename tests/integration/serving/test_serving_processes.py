"""`bentoml serve` with two workers and the challenger process, a real Redis, a registry over HTTP.

The tests share one set of processes and are written in the order in which a day may go.
"""

import math
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from tests.conftest import free_port
from tests.fakes.serving import (
    LOANS,
    LONG_AGO,
    FakeRegistry,
    artifact_of,
    deployment,
    entries,
    eventually,
    flower_model,
    loan_model,
    served,
)
from understudy.contracts.events import decode_pairs, decode_predictions, pairs_key, predictions_key
from understudy.contracts.registry import DeploymentSnapshot, Pairing
from understudy.contracts.vocabulary import AccessLevel

ROOT = Path(__file__).parents[3]
PREDICT = "/v1/deployments/flowers/predict"
ROW = {"length": 1.5, "width": 2.5}
FIRST, SECOND = artifact_of(flower_model(0)), artifact_of(flower_model(1, 2.0))
LOAN = artifact_of(loan_model())


def flowers(release: int, main: int) -> DeploymentSnapshot:
    other = 3 - main
    found = deployment(
        [served(1, FIRST), served(2, SECOND)],
        release=release,
        main=main,
        challengers=(other,),
        previous_main=None if release == 1 else other,
        released_at=datetime.now(UTC),
    )
    # As the registry has it: who was a challenger of late still owes pairs.
    owed = tuple(Pairing(version=number, since=LONG_AGO) for number in (1, 2))
    return found.model_copy(update={"pairings": owed})


LOANS_DEPLOYMENT = deployment([served(1, LOAN, LOANS)], name="loans", access=AccessLevel.PROJECT)


class Cluster:
    """The processes under test, and where they are."""

    def __init__(self, folder: Path, redis_url: str) -> None:
        self.folder = folder
        self.redis = redis.Redis.from_url(redis_url)
        self.registry = FakeRegistry(free_port())
        for artifact in (FIRST, SECOND, LOAN):
            self.registry.store(artifact)
        self.release = 1
        self.registry.publish(flowers(1, 1), LOANS_DEPLOYMENT)
        self.registry.start()
        self.port, self.challenger_port = free_port(), free_port()
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=10.0)
        self.key = {"X-API-Key": self.registry.admin.plaintext}
        self._environment = {
            **os.environ,
            "BENTOML_DO_NOT_TRACK": "True",
            "BENTOML_HOME": str(folder / "bentoml"),
            "UNDERSTUDY_CHALLENGER_PORT": str(self.challenger_port),
            "UNDERSTUDY_REDIS_URL": redis_url,
            "UNDERSTUDY_REGISTRY_URL": self.registry.url,
            "UNDERSTUDY_SERVICE_KEY": self.registry.key.plaintext,
            "UNDERSTUDY_STATE_DIR": str(folder),
        }
        self.serving = self.start_serving()
        self.challenger = self.start_challenger()

    def start_serving(self) -> "subprocess.Popen[bytes]":
        bentoml = str(Path(sys.executable).with_name("bentoml"))
        target = "services.serving.bento:Understudy"
        address = ["--host", "127.0.0.1", "--port", str(self.port)]
        return self._start("serving", bentoml, "serve", target, *address)

    def start_challenger(self) -> "subprocess.Popen[bytes]":
        return self._start("challenger", sys.executable, "-m", "services.serving.challenger")

    def wait_until_ready(self) -> None:
        def ready() -> bool:
            try:
                return self.http.get("/readyz").status_code == 200
            except httpx.TransportError:
                return False

        eventually(ready, 60.0)

    def publish(self, main: int) -> int:
        self.release += 1
        self.registry.publish(flowers(self.release, main), LOANS_DEPLOYMENT)
        return self.release

    def workers(self) -> set[int]:
        children = Path(f"/proc/{self.serving.pid}/task/{self.serving.pid}/children").read_text()
        return {
            int(pid)
            for pid in children.split()
            if b"worker.service" in Path(f"/proc/{pid}/cmdline").read_bytes()
        }

    def metric(self, name: str, labels: str = "") -> float:
        """The sum of its samples; not a number when a worker was killed over the question."""
        try:
            text = self.http.get("/metrics", headers=self.key).text
        except httpx.ReadError:
            return math.nan
        return sum(
            float(line.rpartition(" ")[2])
            for line in text.splitlines()
            if line.startswith(name) and labels in line
        )

    def logged(self) -> Counter[str]:
        found = entries(self.redis, predictions_key("flowers"))
        return Counter(name for fields in found for name in decode_predictions(fields).ids)

    def paired(self) -> Counter[str]:
        found = entries(self.redis, pairs_key("flowers"))
        return Counter(name for fields in found for name in decode_pairs(fields).ids)

    def stop(self) -> None:
        for process in (self.serving, self.challenger):
            stop(process)
        self.http.close()
        self.redis.close()
        self.registry.stop()

    def _start(self, name: str, *command: str) -> "subprocess.Popen[bytes]":
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=ROOT,
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )


def stop(process: "subprocess.Popen[bytes]", with_signal: int = signal.SIGTERM) -> None:
    if process.poll() is None:
        os.killpg(process.pid, with_signal)
        process.wait(30.0)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, redis_server: str) -> Iterator[Cluster]:
    with redis.Redis.from_url(redis_server) as client:
        client.flushall()
    cluster = Cluster(tmp_path_factory.mktemp("serving"), redis_server)
    try:
        cluster.wait_until_ready()
        yield cluster
    finally:
        cluster.stop()


class Traffic:
    """Callers that ask without a pause and remember what they were told."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self._cluster = cluster
        self._name = name
        self._stopped = threading.Event()
        self.answered: dict[str, int] = {}
        self.refused: list[Any] = []

    def ask(self, caller: int) -> None:
        count = 0
        with httpx.Client(base_url=self._cluster.http.base_url, timeout=10.0) as http:
            while not self._stopped.is_set():
                name = f"{self._name}-{caller}-{count}"
                count += 1
                try:
                    answer = http.post(PREDICT, json=ROW, headers={"X-Request-ID": name})
                    self.answered[name] = answer.raise_for_status().json()["model"]["version"]
                except httpx.HTTPError as error:
                    self.refused.append(error)

    @contextmanager
    def running(self, callers: int = 3) -> Iterator["Traffic"]:
        threads = [threading.Thread(target=self.ask, args=(n,)) for n in range(callers)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._stopped.set()
            for thread in threads:
                thread.join()


def test_a_prediction_is_answered_logged_and_paired(cluster: Cluster) -> None:
    answer = cluster.http.post(PREDICT, json=ROW, params={"prediction_id": "mine"})
    assert answer.status_code == 200
    body = answer.json()
    model = flower_model(0)
    assert body["prediction"] == model.predict([[1.5, 2.5]])[0]
    assert body["model"] == {"name": "flowers", "version": 1}
    assert answer.headers["X-Prediction-ID"] == body["prediction_id"] == "mine"
    assert answer.headers["X-Model-Version"] == "1"
    assert answer.headers["Server-Timing"].startswith("app;dur=")
    assert cluster.logged()["mine"] == 1
    # The challenger's child gives way to everybody while it loads.
    eventually(lambda: cluster.paired()["mine"] == 1, 90.0)
    (pairs,) = entries(cluster.redis, pairs_key("flowers"))
    assert decode_pairs(pairs).challenger == 2


def test_a_batch_and_a_model_that_needs_frames(cluster: Cluster) -> None:
    row = {"income": 20_000, "age": None, "purpose": "car", "employed": True, "town": "Ghent"}
    path = "/v1/deployments/loans/predict"
    answer = cluster.http.post(path, json={"rows": [row, row]}, headers=cluster.key)
    assert [found["prediction"] for found in answer.json()["predictions"]] == [1, 1]
    wrong = {"rows": [row, {**row, "income": -1}]}
    problem = cluster.http.post(path, json=wrong, headers=cluster.key).json()
    assert problem["errors"][0]["pointer"] == "/rows/1/income"


def test_bad_bodies_are_clear_errors(cluster: Cluster) -> None:
    cases: list[tuple[Any, int, str]] = [
        (b"", 400, "malformed_body"),
        (b'{"length":', 400, "malformed_body"),
        (b'{"length": NaN, "width": 1}', 400, "malformed_body"),
        (b'{"length": 1e999, "width": 1}', 400, "malformed_body"),
        (b"[]", 422, "invalid_rows"),
        (b"{}", 422, "invalid_rows"),
        (b"[" + b"1" * 10_000_000 + b"]", 413, "body_too_large"),
        ((b"1" * 100_000 for _ in range(100)), 413, "body_too_large"),
    ]
    for content, status, code in cases:
        answer = cluster.http.post(PREDICT, content=content)
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (status, code), problem
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["X-Request-ID"] == problem["request_id"]
    assert cluster.http.get(PREDICT).status_code == 405


def test_nothing_but_probes_is_open(cluster: Cluster) -> None:
    for path in ("/livez", "/readyz", "/healthz", "/ping", "/health"):
        assert cluster.http.get(path).status_code == 200
        found = cluster.http.head(path)
        assert (found.status_code, found.content) == (200, b"")
    assert cluster.http.get("/").json() == {"status": "alive"}
    assert cluster.http.get("/", headers={"Accept": "text/html"}).status_code == 401
    guarded = [
        "/docs.json",
        "/metrics",
        "/static_content/index.css",
        "/nothing",
        "/v1/deployments/loans/signature",
        "/v1/deployments/nothing/signature",
    ]
    for path in guarded:
        assert cluster.http.get(path).status_code == 401, path
    assert cluster.http.get("/v1/nothing").status_code == 404
    assert cluster.http.get("/v1/deployments/flowers/signature").status_code == 200
    assert cluster.http.get("/docs.json", headers=cluster.key).status_code == 200
    for path in ("/schema.json", "/v1/models", "/version"):  # of what is public
        assert cluster.http.get(path).status_code == 200
    challenger = f"http://127.0.0.1:{cluster.challenger_port}"
    for path in ("/livez", "/readyz"):
        assert httpx.get(f"{challenger}{path}").status_code == 200
        found = httpx.head(f"{challenger}{path}")
        assert (found.status_code, found.content) == (200, b"")
    assert httpx.get(f"{challenger}/metrics").status_code == 401
    text = httpx.get(f"{challenger}/metrics", headers=cluster.key).raise_for_status().text
    assert "understudy_redis_up 1.0" in text
    for name in ("cpu_seconds_total", "resident_memory_bytes", "start_time_seconds"):
        assert f"\nprocess_{name} " in text


def test_labels_are_taken_each_by_itself(cluster: Cluster) -> None:
    labels = [
        {"prediction_id": "mine", "label": "setosa", "observed_at": "2026-01-01T00:00:00Z"},
        {"prediction_id": "mine", "label": "rose"},
    ]
    path = "/v1/deployments/flowers/labels"
    answer = cluster.http.post(path, json=labels, headers=cluster.key)
    assert answer.status_code == 202
    assert [found["status"] for found in answer.json()["results"]] == ["accepted", "refused"]
    wrong = cluster.http.post(path, json={"label": "setosa"}, headers=cluster.key).json()
    assert wrong["errors"][0]["pointer"] == "/prediction_id"


def test_switches_under_traffic_fail_nobody(cluster: Cluster) -> None:
    with Traffic(cluster, "switch").running() as traffic:
        for index in range(4):
            main = 2 if index % 2 == 0 else 1
            release = cluster.publish(main)
            eventually(lambda release=release: cluster.metric("understudy_release{") - 1 == release)
    assert traffic.refused == []
    assert set(traffic.answered.values()) == {1, 2}
    assert cluster.logged() >= Counter(traffic.answered.keys())
    assert cluster.metric("understudy_release_switch_seconds_count") == 2 * 4
    eventually(
        lambda: any(
            report["component"] == "serving" and report["releases"]["flowers"] == cluster.release
            for report in cluster.registry.reports
        )
    )


@pytest.mark.slow
def test_a_killed_challenger_loses_and_doubles_no_pair(cluster: Cluster) -> None:
    with Traffic(cluster, "killed").running():
        # The second time in the middle of working off what it missed.
        for pause in (0.5, 4.0):
            time.sleep(pause)
            stop(cluster.challenger, signal.SIGKILL)
            cluster.challenger = cluster.start_challenger()
    eventually(lambda: cluster.paired() == cluster.logged(), 90.0)


@pytest.mark.slow
def test_a_killed_worker_comes_back_and_counts_stay_right(cluster: Cluster) -> None:
    rows, flowers = "understudy_predictions_total", 'deployment="flowers"'
    names = (rows, "understudy_prediction_requests_total", "understudy_prediction_seconds_count")
    eventually(lambda: cluster.metric(rows, flowers) == cluster.logged().total())
    begun = [cluster.metric(name, flowers) for name in names]

    def counted() -> list[float]:
        found = [cluster.metric(name, flowers) for name in names]
        return [now - then for now, then in zip(found, begun, strict=True)]

    with Traffic(cluster, "counted").running() as first:
        eventually(lambda: len(first.answered) > 100)
    # All was published, so that nothing dies with its worker.
    eventually(lambda: counted() == [len(first.answered)] * 3)
    before = cluster.workers()
    os.kill(min(before), signal.SIGKILL)
    eventually(lambda: cluster.metric("understudy_workers ") == 1)
    assert cluster.metric("understudy_workers_configured ") == 2
    assert 0 < time.time() - cluster.metric("process_start_time_seconds ") < 3_600
    eventually(lambda: len(cluster.workers() - before) == 1, 20.0)
    with Traffic(cluster, "respawned").running() as second:
        eventually(lambda: len(second.answered) > 100)
    assert [*first.refused, *second.refused] == []
    eventually(lambda: counted() == [len(first.answered) + len(second.answered)] * 3)
    assert cluster.metric(rows, flowers) == cluster.logged().total()
    eventually(lambda: cluster.metric("understudy_workers ") == 2, 60.0)
    # The dead worker's live gauges went with it.
    multiproc = cluster.folder / "bentoml" / "prometheus_multiproc_dir"
    assert not [*multiproc.glob(f"gauge_live*_{min(before)}.db")]


def test_what_both_workers_hold_do_and_refuse_is_one_sum(cluster: Cluster) -> None:
    labels = 'code="invalid_rows",deployment="flowers",status="422"'
    before = cluster.metric("understudy_refusals_total", labels)
    for _ in range(10):
        assert cluster.http.post(PREDICT, json={}, headers={"Connection": "close"}).is_error
    eventually(lambda: cluster.metric("understudy_refusals_total", labels) - before == 10)
    eventually(lambda: cluster.metric("understudy_requests_in_flight ") == 0)
    assert cluster.metric("understudy_model_cpu_seconds_total", 'deployment="flowers"') > 0.0
    sizes = [
        cluster.metric("understudy_model_bytes", f'deployment="{name}"')
        for name in ("flowers", "loans")
    ]
    assert min(sizes) > 0.0
    assert sum(sizes) == cluster.metric("understudy_loaded_model_bytes")


def test_metrics_are_well_formed(cluster: Cluster) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    for port in (cluster.port, cluster.challenger_port):
        text = httpx.get(f"http://127.0.0.1:{port}/metrics", headers=cluster.key).content
        check = subprocess.run(
            [promtool, "check", "metrics"], input=text, capture_output=True, check=False
        )
        assert check.returncode == 0, check.stdout + check.stderr


def test_without_a_registry_serving_starts_and_answers(cluster: Cluster) -> None:
    cluster.registry.stop()
    assert cluster.http.post(PREDICT, json=ROW).status_code == 200
    stop(cluster.serving)
    cluster.serving = cluster.start_serving()
    cluster.wait_until_ready()
    assert cluster.http.post(PREDICT, json=ROW).status_code == 200
    cluster.registry.start()
    release = cluster.publish(2)
    eventually(lambda: cluster.metric("understudy_release{") - 1 == release, 20.0)
    eventually(lambda: cluster.paired() == cluster.logged(), 90.0)
