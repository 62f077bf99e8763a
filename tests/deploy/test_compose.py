"""The story through the containers: up, predictions, labels, releases, every container killed.

`docker compose` with a project and ports of its own; what it costs is printed.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Event, Thread

import httpx
import pytest

from tests.deploy.containers import (
    SERVICES,
    Containers,
    containers,
    docker,
    needs_docker,
    wait_until,
)
from understudy.client import MonitorClient, RegistryClient, ServingClient
from understudy.contracts.monitor import Totals
from understudy.contracts.registry import ReleaseRequest
from understudy.contracts.serving import LabelRequest
from understudy.contracts.vocabulary import ReleaseKind

pytestmark = [needs_docker, pytest.mark.timeout(2_400)]

NAME = "iris"
ROW: Mapping[str, object] = {
    "sepal_length": 5.1,
    "sepal_width": 3.5,
    "petal_length": 1.4,
    "petal_width": 0.2,
}
OURS = tuple(name for name in SERVICES if name != "redis")
ALL = (*SERVICES, "prometheus")


class Cluster:
    """What an operator and an application have of it."""

    def __init__(self, running: Containers) -> None:
        self.running = running
        self.key = running.secret("registry", "understudy_admin_key")
        self.registry = RegistryClient(running.url("registry"), self.key)
        self.serving = ServingClient(running.url("serving"), self.key)
        self.monitor = MonitorClient(running.url("monitor"), self.key)
        self.answered = 0
        """Predictions that had an answer, here."""

    def ask(self) -> str:
        answer = self.serving.predict(NAME, ROW)
        self.answered += 1
        return answer.prediction_id

    def totals(self) -> Totals:
        return self.monitor.assessment(NAME).totals

    def seen(self) -> int:
        return sum(self.totals().predictions.values())

    def paired(self) -> int:
        totals = self.totals()
        return sum(totals.pairs.values()) + sum(totals.pair_errors.values())

    def release(self, kind: ReleaseKind, version: int | None = None) -> None:
        self.registry.release(NAME, ReleaseRequest(kind=kind, version=version, reason="a test"))

    def main(self) -> int:
        return self.serving.predict(NAME, ROW).model.version

    @contextmanager
    def asking(self) -> Iterator[list[str]]:
        """Asks all the while, from another thread; what went wrong is listed."""
        over, failed = Event(), list[str]()

        def ask() -> None:
            while not over.is_set():
                try:
                    self.ask()
                except Exception as error:  # noqa: BLE001 - a failure of any kind is one
                    failed.append(repr(error))
                over.wait(0.05)

        asker = Thread(target=ask)
        asker.start()
        try:
            yield failed
        finally:
            over.set()
            asker.join()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with containers(f"understudy-story-{os.getpid()}") as running:
        running.compose("--profile", "example", "build")
        print(f"up --wait: {running.up(*ALL):.0f} s on volumes that are new")
        running.compose("run", "--rm", "example", "examples.story", "load", "--rows", "100")
        found = Cluster(running)
        with found.registry, found.serving, found.monitor:
            yield found


@pytest.fixture(autouse=True)
def _counted_from_here(cluster: Cluster) -> Iterator[None]:
    """Whatever a test does: what was answered is in the log, once, and so are its pairs."""
    wait_until(lambda: all(map(cluster.running.healthy, SERVICES)), "all to be healthy")
    seen, paired, cluster.answered = cluster.seen(), cluster.paired(), 0
    yield
    wait_until(lambda: cluster.seen() - seen >= cluster.answered, "the monitor to see the answers")
    wait_until(lambda: cluster.paired() - paired >= cluster.answered, "their pairs")
    assert cluster.seen() - seen == cluster.answered
    assert cluster.paired() - paired == cluster.answered
    # No service lacks a right.
    assert not cluster.running.redis("acl", "log")


def test_each_container_runs_as_it_should(cluster: Cluster) -> None:
    for name in SERVICES:
        found = cluster.running.inspect(name)
        assert found["HostConfig"]["ReadonlyRootfs"]
        assert found["HostConfig"]["Memory"] > 0
        assert found["Config"]["User"] == "10001:10001"
        assert not [v for v in found["Config"]["Env"] if "us_" in v or "redis://" in v]


def test_nobody_is_let_in_without_a_key(cluster: Cluster) -> None:
    running = cluster.running
    assert httpx.get(f"{running.url('registry')}/v1/deployments").status_code == 401
    assert httpx.get(f"{running.url('serving')}/metrics").status_code == 401
    refused = running.compose("exec", "-T", "redis", "redis-cli", "dbsize")
    assert "NOAUTH" in refused


def test_prometheus_is_let_in_everywhere(cluster: Cluster) -> None:
    address = f"http://127.0.0.1:{cluster.running.environment['PROMETHEUS_PORT']}"

    def up() -> set[str]:
        query = {"query": 'up{job=~"understudy-.*"} == 1'}
        found = httpx.get(f"{address}/api/v1/query", params=query).json()["data"]["result"]
        return {each["metric"]["job"] for each in found}

    wanted = {f"understudy-{name}" for name in OURS}
    wait_until(lambda: up() == wanted, "all to be scraped")


def test_predictions_and_labels_come_through(cluster: Cluster) -> None:
    before = cluster.totals().labels
    asked = [cluster.ask() for _ in range(50)]
    labels = [LabelRequest(prediction_id=one, label="setosa") for one in asked]
    assert {result.status for result in cluster.serving.label(NAME, labels).results} == {"accepted"}
    wait_until(lambda: cluster.totals().labels - before == 50, "the labels")


def test_a_release_is_taken_up_and_taken_back(cluster: Cluster) -> None:
    cluster.release(ReleaseKind.PROMOTE, 2)
    wait_until(lambda: cluster.ask() is not None and _main(cluster) == 2, "version 2 to answer")
    cluster.release(ReleaseKind.ROLLBACK)
    wait_until(lambda: cluster.ask() is not None and _main(cluster) == 1, "version 1 to answer")


def _main(cluster: Cluster) -> int:
    cluster.answered += 1
    return cluster.main()


@pytest.mark.parametrize("name", OURS)
def test_a_process_that_dies_is_started_anew(cluster: Cluster, name: str) -> None:
    running = cluster.running
    before = running.inspect(name)["RestartCount"]
    # The init is 1; what it started is the service.
    kill = "import os, pathlib, signal; os.kill(int(pathlib.Path('/proc/1/task/1/children')"
    kill += ".read_text().split()[0]), signal.SIGKILL)"
    with cluster.asking() as failed:
        running.compose("exec", "-T", name, "python", "-c", kill)
        wait_until(lambda: running.inspect(name)["RestartCount"] > before, "a restart")
        took = wait_until(lambda: running.healthy(name), f"{name} to be healthy")
    print(f"{name} was healthy {took:.0f} s after its process was killed")
    assert name == "serving" or not failed, failed[:3]


@pytest.mark.parametrize("name", SERVICES)
def test_a_killed_container_stops_no_prediction_but_its_own(cluster: Cluster, name: str) -> None:
    running = cluster.running
    with cluster.asking() as failed:
        # The engine takes it as a wish: it does not start it again by itself.
        docker("kill", running.container(name))
        assert not running.healthy(name)
        wait_until(lambda: cluster.answered >= 10 or name == "serving", "answers meanwhile")
        took = running.up(*SERVICES)
        wait_until(lambda: running.ready("serving"), "serving")
    print(f"{name} was back {took:.0f} s after docker kill and up --wait")
    assert name == "serving" or not failed, failed[:3]
    cluster.ask()


def test_a_worker_that_dies_is_started_anew(cluster: Cluster) -> None:
    workers = "import pathlib; print(*sorted(p.parent.name for p in pathlib.Path('/proc').glob("
    workers += "'[0-9]*/cmdline') if b'_bentoml_impl.worker' in p.read_bytes()))"

    def pids() -> list[str]:
        return cluster.running.compose("exec", "-T", "serving", "python", "-c", workers).split()

    before = pids()
    kill = f"import os, signal; os.kill({before[0]}, signal.SIGKILL)"
    cluster.running.compose("exec", "-T", "serving", "python", "-c", kill)
    took = wait_until(lambda: len(pids()) == len(before) and before[0] not in pids(), "a worker")
    print(f"a killed worker was replaced after {took:.0f} s")


def test_data_is_kept_over_down_and_up(cluster: Cluster) -> None:
    running = cluster.running
    cluster.ask()
    wait_until(lambda: cluster.seen() > 0, "the monitor")
    releases = cluster.registry.releases(NAME)
    running.compose("down")
    took = running.up(*SERVICES)
    print(f"up --wait: {took:.0f} s on volumes that hold data")
    assert running.secret("registry", "understudy_admin_key") == cluster.key
    assert cluster.registry.releases(NAME) == releases
    cluster.ask()
