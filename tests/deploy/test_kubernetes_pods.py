"""Pods of the dev overlay run with the rights and files that they state: as containers here.

Images are built by `make images`; `UNDERSTUDY_IMAGES=dev` takes those with another tag.
"""

import os
import uuid
from collections.abc import Iterator

import pytest

from deploy.k8s.secrets import manifests
from tests.deploy.kube.containers import DOCKER, Pods, docker
from tests.deploy.kube.rendering import K8S, KUBECTL, render

SERVICES = {"registry": 8701, "serving": 8700, "challenger": 8704, "monitor": 8702}
KILLED = 137

pytestmark = [
    pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed"),
    pytest.mark.skipif(
        DOCKER is None or docker("info").returncode != 0, reason="no Docker engine answers"
    ),
    pytest.mark.timeout(900),
]


@pytest.fixture(scope="module")
def pods(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pods]:
    secrets = {one["metadata"]["name"]: one.get("stringData", {}) for one in manifests()["items"]}
    made = Pods(
        render(K8S / "overlays" / "dev"),
        secrets,
        tmp_path_factory.mktemp("pods"),
        f"understudy-pods-{uuid.uuid4().hex[:8]}",
        os.environ.get("UNDERSTUDY_IMAGES"),
    )
    for workload in made.rendered.workloads:
        if docker("image", "inspect", made.image(workload)).returncode != 0:
            pytest.skip(f"there is no image {made.image(workload)}")
    try:
        assert docker("network", "create", made.network).returncode == 0
        for name in ("redis", *SERVICES):
            made.start(name)
        yield made
    finally:
        made.remove()


def test_redis_is_ready_by_its_own_probe(pods: Pods) -> None:
    container = pods.rendered.workload("redis").containers[0]
    pods.until("redis", *container["startupProbe"]["exec"]["command"])
    # Nobody without a password of theirs gets further than that.
    assert (
        "NOPERM"
        in pods.run("redis", "redis-cli", "--user", "probe", "--pass", "x", "GET", "a").stdout
    )
    assert "NOAUTH" in pods.run("redis", "redis-cli", "GET", "a").stdout


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_becomes_ready(name: str, pods: Pods) -> None:
    url = f"http://127.0.0.1:{SERVICES[name]}/readyz"
    pods.until(name, "python", "-m", "understudy.runtime.probe", url)


@pytest.mark.parametrize("name", SERVICES)
def test_it_has_no_more_rights_than_stated(name: str, pods: Pods) -> None:
    assert pods.run(name, "id", "-u").stdout.strip() == "10001"
    assert pods.run(name, "touch", "/etc/here").returncode != 0
    status = pods.run(name, "cat", "/proc/self/status").stdout
    assert "CapEff:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status


@pytest.mark.parametrize("name", ["serving", "challenger", "monitor", "registry"])
def test_it_ends_within_its_grace(name: str, pods: Pods) -> None:
    assert pods.stop(name) != KILLED
