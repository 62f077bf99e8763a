"""Dev and production are the same system: they differ where this list says, and nowhere else."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest

from tests.deploy.kube.manifests import Manifest, Rendered, Workload, plain
from tests.deploy.kube.rendering import K8S, KUBECTL, render

pytestmark = pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")

Leaves = dict[str, Any]

# Manifest, then where in it; each must be needed.
IN_DEV_ALONE = (
    "ServiceAccount/redis *",
    "Service/redis *",
    "StatefulSet/redis *",
    "ConfigMap/redis *",
    "PersistentVolumeClaim/registry *",
    "PersistentVolumeClaim/monitor *",
    "NetworkPolicy/redis-from-clients *",
)
IN_PRODUCTION_ALONE = (
    "ServiceAccount/registry-jobs *",
    "ConfigMap/stores *",
    "PriorityClass/* *",
    "Job/registry-migrate *",
    "CronJob/registry-backup *",
    "HorizontalPodAutoscaler/serving *",
    "PodDisruptionBudget/* *",
    "NetworkPolicy/registry-and-monitor-to-stores *",
)
DIFFERENT = (
    # One store in the pod, or several pods at one store elsewhere.
    "Deployment/*|replicas",
    "Deployment/*|strategy|*",
    "StatefulSet/challenger spec|replicas",
    "Deployment/* *|volumes|state|*",
    "Deployment/* *|volumes|secrets|projected|sources|*",
    "Deployment/* *|envFrom|1|*",
    "Deployment/registry metadata|annotations|argocd.argoproj.io/sync-wave",
    # What is spread and ranked where there is more than one node.
    "* *|topologySpreadConstraints|*",
    "* *|priorityClassName",
    # Who reaches Redis where.
    "NetworkPolicy/clients-to-redis spec|egress|0|to|0|*",
    # Settings: each of them named.
    "ConfigMap/registry data|UNDERSTUDY_TRUSTED_TYPES",
    "ConfigMap/registry data|UNDERSTUDY_REGISTRY_MIGRATE",
    "ConfigMap/registry data|UNDERSTUDY_PUBLIC_*",
    "ConfigMap/registry data|UNDERSTUDY_COOKIE_SECURE",
    "ConfigMap/challenger data|UNDERSTUDY_LOG_KEEP_BYTES",
    "ConfigMap/monitor data|UNDERSTUDY_MONITOR_ARCHIVE_URL",
    "ConfigMap/monitor data|UNDERSTUDY_MONITOR_REPORTS_URL",
    # Names of ConfigMaps end in a hash of what is in them.
    "* *|envFrom|0|configMapRef|name",
)
FEWEST = {"registry": 2, "challenger": 2, "monitor": 2}


@pytest.fixture(scope="module")
def dev() -> Rendered:
    return render(K8S / "overlays" / "dev")


@pytest.fixture(scope="module")
def production() -> Rendered:
    return render(K8S / "overlays" / "production")


def test_they_differ_where_they_should(dev: Rendered, production: Rendered) -> None:
    allowed = (*IN_DEV_ALONE, *IN_PRODUCTION_ALONE, *DIFFERENT)
    found = differences(leaves(dev), leaves(production))
    assert [one for one in found if not any(fnmatchcase(one, each) for each in allowed)] == []
    assert [one for one in allowed if not any(fnmatchcase(each, one) for each in found)] == []


def test_whole_manifests_are_on_the_side_that_is_said(dev: Rendered, production: Rendered) -> None:
    here, there = ({plain(one) for one in each.manifests} for each in (dev, production))
    assert {one for one in here - there if not named(one, IN_DEV_ALONE)} == set()
    assert {one for one in there - here if not named(one, IN_PRODUCTION_ALONE)} == set()
    assert {one for one in here & there if named(one, IN_DEV_ALONE + IN_PRODUCTION_ALONE)} == set()


def test_production_has_every_secret_of_the_base(production: Rendered) -> None:
    base = {workload.name: secrets(workload) for workload in render(K8S / "base").workloads}
    there = {workload.name: secrets(workload) for workload in production.workloads}
    assert {name: [one for one in base[name] if one not in there[name]] for name in base} == {
        name: [] for name in ("registry", "serving", "challenger", "monitor")
    }
    assert all(len(there[name]) > len(base[name]) for name in ("registry", "monitor"))


def test_migration_and_backup_are_one_pod(production: Rendered) -> None:
    migrate, backup = (production.workload(f"registry-{name}") for name in ("migrate", "backup"))
    own = {"restartPolicy", "containers"}
    assert {name: migrate.pod[name] for name in migrate.pod.keys() - own} == {
        name: backup.pod[name] for name in backup.pod.keys() - own
    }
    ((first,), (second,)) = (one.containers for one in (migrate, backup))
    differing = {
        name for name in first.keys() | second.keys() if first.get(name) != second.get(name)
    }
    assert differing == {"name", "args"}
    assert migrate.labels == backup.labels


@pytest.mark.parametrize(
    "path",
    ["spec|template|spec|automountServiceAccountToken", "spec|template|spec|hostNetwork"],
)
def test_another_difference_is_found(path: str, dev: Rendered, production: Rendered) -> None:
    planted = {**leaves(production), f"StatefulSet/serving {path}": True}
    assert f"StatefulSet/serving {path}" in differences(leaves(dev), planted)
    assert not any(fnmatchcase(f"StatefulSet/serving {path}", one) for one in DIFFERENT)


def test_dev_has_one_of_each(dev: Rendered) -> None:
    assert {one.manifest["spec"].get("replicas", 1) for one in dev.workloads} == {1}


def test_production_has_enough_of_each(production: Rendered) -> None:
    found = {one.name: one.manifest["spec"].get("replicas") for one in production.workloads}
    assert {name: found[name] for name in FEWEST} == FEWEST
    scaler = production.find("HorizontalPodAutoscaler/serving")["spec"]
    assert found["serving"] is None
    assert scaler["minReplicas"] == 3
    kinds = {one["type"]: one for one in scaler["metrics"]}
    assert kinds["Resource"]["resource"]["name"] == "cpu"
    assert kinds["Pods"]["pods"]["metric"]["name"] == "understudy_requests_in_flight"


def test_paths_are_told_apart() -> None:
    manifest = {"kind": "Pod", "metadata": {"name": "a"}, "spec": {"list": [{"name": "x", "y": 1}]}}
    assert leaves(Rendered([manifest])) == {
        "Pod/a kind": "Pod",
        "Pod/a spec|list|x|name": "x",
        "Pod/a spec|list|x|y": 1,
    }


def secrets(workload: Workload) -> list[Manifest]:
    volumes = {one["name"]: one for one in workload.pod["volumes"]}
    found: list[Manifest] = volumes["secrets"]["projected"]["sources"]
    return found


def leaves(rendered: Rendered) -> Leaves:
    """Every value by its manifest and place; what has a name is found by it."""
    return {
        f"{plain(one)} {path}": value for one in rendered.manifests for path, value in _walk(one)
    }


def differences(here: Leaves, there: Leaves) -> list[str]:
    nowhere = object()
    keys = here.keys() | there.keys()
    return sorted(key for key in keys if here.get(key, nowhere) != there.get(key, nowhere))


def named(manifest: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(manifest, one.partition(" ")[0]) for one in patterns)


def _walk(found: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(found, dict):
        for key, value in found.items():
            # Told apart by the manifest already, there with its hash.
            if path != "metadata" or key != "name":
                yield from _walk(value, f"{path}|{key}" if path else key)
    elif isinstance(found, list):
        for place, value in enumerate(found):
            name = value.get("name", place) if isinstance(value, dict) else place
            yield from _walk(value, f"{path}|{name}")
    else:
        yield path, found
