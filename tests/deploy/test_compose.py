"""The story through the containers: up, predictions, labels, releases, every container killed.

`docker compose` with a project and ports of its own; what it costs is printed.
"""

import os
from collections.abc import Iterator

import httpx
import pytest

from tests.deploy.containers import SERVICES, containers, docker, needs_docker, wait_until
from tests.deploy.iris import NAME, Cluster, following
from understudy.contracts.serving import LabelRequest
from understudy.contracts.vocabulary import ReleaseKind

pytestmark = [needs_docker, pytest.mark.timeout(2_400)]

OURS = tuple(name for name in SERVICES if name != "redis")
WATCHERS = ("prometheus", "alertmanager")
FORBIDDEN = {
    "serving": (
        "set understudy:{iris}:predictions gone",
        "get understudy:{iris}:labels",
        "xadd understudy:{iris}:pairs * s 1",
        "xadd understudy:{iris}:writer:one * s 1",
        "set understudy:{iris}:monitor:totals none",
        "del understudy:{iris}:predictions",
        "xtrim understudy:{iris}:labels MAXLEN 0",
        "flushall",
        "script flush",
    ),
    "challenger": (
        "set understudy:{iris}:pairs gone",
        "xadd understudy:{iris}:predictions * s 1",
        "xadd understudy:{iris}:labels * s 1",
        "xrange understudy:{iris}:protected - +",
        "hset understudy:{iris}:monitor:positions predictions 9-0",
        "get understudy:{iris}:writer:one",
        "config get maxmemory",
    ),
    "monitor": (
        "xadd understudy:{iris}:labels * s 1",
        "xtrim understudy:{iris}:predictions MAXLEN 0",
        "del understudy:{iris}:pairs",
        "set understudy:{iris}:challenger:2:position 9-0",
        "get understudy:monitors",
        "keys *",
    ),
    "probe": ("get understudy:monitors", "info"),
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with containers(f"understudy-story-{os.getpid()}") as running:
        running.compose("--profile", "example", "build")
        print(f"up --wait: {running.up():.0f} s on volumes that are new")
        with following(running) as found:
            yield found


@pytest.fixture(autouse=True)
def _counted_from_here(cluster: Cluster) -> Iterator[None]:
    """Whatever a test does: what was answered is in the log, once, and so are its pairs."""
    wait_until(lambda: all(map(cluster.running.healthy, SERVICES)), "all to be healthy")
    with cluster.counted():
        yield
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


@pytest.mark.parametrize(
    ("user", "command"), [(user, command) for user, few in FORBIDDEN.items() for command in few]
)
def test_redis_lets_a_service_do_what_it_needs_alone(
    cluster: Cluster, user: str, command: str
) -> None:
    told = cluster.running.redis("acl", "dryrun", user, *command.split())
    assert "no permissions" in told or "can't access" in told or "NOPERM" in told


def test_prometheus_is_let_in_everywhere(cluster: Cluster) -> None:
    wanted = {f"understudy-{name}" for name in OURS}
    up = 'up{job=~"understudy-.*"} == 1'
    wait_until(lambda: {one["job"] for one in _found(cluster, up)} == wanted, "all to be scraped")


def test_a_first_backup_is_made(cluster: Cluster) -> None:
    made = "understudy_backup_timestamp_seconds > 0"
    took = wait_until(lambda: bool(_found(cluster, made)), "the gauge of a backup")
    names = cluster.running.compose("exec", "-T", "backup", "ls", "/backups").split()
    print(f"a backup was told of {took:.0f} s later: {names}")
    assert len([name for name in names if name != "artifacts"]) == 1


def _found(cluster: Cluster, query: str) -> list[dict[str, str]]:
    """Labels of what Prometheus finds."""
    address = f"{cluster.running.url('prometheus')}/api/v1/query"
    found = httpx.get(address, params={"query": query}).json()["data"]["result"]
    return [each["metric"] for each in found]


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


@pytest.mark.parametrize("name", [*SERVICES, *WATCHERS, "backup"])
def test_a_killed_container_stops_no_prediction_but_its_own(cluster: Cluster, name: str) -> None:
    running = cluster.running
    with cluster.asking() as failed:
        # The engine takes it as a wish: it does not start it again by itself.
        docker("kill", running.container(name))
        assert not running.inspect(name)["State"]["Running"]
        wait_until(lambda: cluster.answered >= 10 or name == "serving", "answers meanwhile")
        took = running.up()
        wait_until(lambda: running.ready("serving"), "serving")
    print(f"{name} was back {took:.0f} s after docker kill and up --wait")
    assert name == "serving" or not failed, failed[:3]
    cluster.ask()


def test_an_alert_comes_through(cluster: Cluster) -> None:
    running = cluster.running

    def told() -> bool:
        try:
            found = httpx.get(f"{running.url('alertmanager')}/api/v2/alerts").json()
        except httpx.HTTPError:
            return False
        return "UnderstudyServingDown" in {alert["labels"]["alertname"] for alert in found}

    running.compose("stop", "serving")
    took = wait_until(told, "Alertmanager to have the alert")
    print(f"Alertmanager had UnderstudyServingDown {took:.0f} s after serving was stopped")
    running.up()
    print(f"and had it no more {wait_until(lambda: not told(), 'it to be over', 600):.0f} s later")
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
    took = running.up()
    print(f"up --wait: {took:.0f} s on volumes that hold data")
    assert running.secret("registry", "understudy_admin_key") == cluster.key
    assert cluster.registry.releases(NAME) == releases
    cluster.ask()
