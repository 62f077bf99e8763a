"""Overlays over ours, as docs/kubernetes.md writes them, render and say what they should."""

import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from tests.deploy.kube.checks import complaints
from tests.deploy.kube.manifests import Rendered
from tests.deploy.kube.rendering import KUBECTL, ROOT, render

pytestmark = pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")

SNIPPET = re.compile(r"```yaml\n(# kustomization\.yaml.*?)```", re.DOTALL)
PATCH = re.compile(r" *```yaml\n( *# prometheus\.yaml.*?)```", re.DOTALL)
NETWORK = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: clients-to-redis, namespace: understudy}
spec:
  egress:
    - to: [{ipBlock: {cidr: 192.0.2.7/32}}]
      ports: [{protocol: TCP, port: 6379}]
"""
ASKED = "UNDERSTUDY_MONITOR_PROMETHEUS_URL"
ELSEWHERE = "http://thanos.monitoring.svc:9090"


def written(naming: str, folder: Path) -> str:
    """The guide's overlay that names an overlay of ours, in a folder beside the repository."""
    (folder / "understudy").symlink_to(ROOT)
    own = folder / "own"
    own.mkdir()
    (own / "network.yaml").write_text(NETWORK)
    texts = SNIPPET.findall((ROOT / "docs" / "kubernetes.md").read_text())
    (found,) = (one for one in texts if f"overlays/{naming}]" in one)
    return str(found)


def overlay(naming: str, folder: Path) -> Rendered:
    text = written(naming, folder)
    (folder / "own" / "kustomization.yaml").write_text(text)
    return render(folder / "own")


def test_of_one_node_nothing_is_amiss(tmp_path: Path) -> None:
    rendered = overlay("dev", tmp_path)
    assert complaints(rendered) == []
    assert rendered.find("ConfigMap/monitor")["data"][ASKED].endswith(":9090")


def test_of_production_each_change_arrives(tmp_path: Path) -> None:
    rendered = overlay("production", tmp_path)
    images = {one["image"] for workload in rendered.workloads for one in workload.containers}
    assert all(one.startswith("registry.example.com/understudy/") for one in images)
    assert rendered.find("ConfigMap/stores")["data"]["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert rendered.find("ConfigMap/monitor")["data"][ASKED].endswith(":9090")
    (egress,) = rendered.find("NetworkPolicy/clients-to-redis")["spec"]["egress"]
    assert egress["to"] == [{"ipBlock": {"cidr": "192.0.2.7/32"}}]


def test_another_prometheus_is_a_patch(tmp_path: Path) -> None:
    text = written("production", tmp_path)
    (patch,) = map(dedent, PATCH.findall((ROOT / "docs" / "kubernetes.md").read_text()))
    (tmp_path / "own" / "prometheus.yaml").write_text(patch)
    changed = text.replace("patches:\n", "patches:\n  - path: prometheus.yaml\n")
    (tmp_path / "own" / "kustomization.yaml").write_text(changed)
    rendered = render(tmp_path / "own")
    found = rendered.find("ConfigMap/monitor")
    assert found["data"][ASKED] == ELSEWHERE
    (container,) = rendered.workload("monitor").containers
    assert {"configMapRef": {"name": found["metadata"]["name"]}} in container["envFrom"]


def test_dashboards_lead_to_an_address_of_ones_own(tmp_path: Path) -> None:
    text = written("dev", tmp_path)
    component = "  - ../understudy/deploy/k8s/components/grafana-dashboards\n"
    assert component in text
    changed = text.replace(component, "").replace("overlays/dev]", "overlays/dev, boards.yaml]")
    (tmp_path / "own" / "kustomization.yaml").write_text(changed)
    generate(tmp_path / "own" / "boards.yaml", "https://serving.example.com")
    rendered = render(tmp_path / "own")
    assert complaints(rendered) == []
    data = rendered.find("ConfigMap/grafana-deployment")["data"]["deployment.json"]
    assert "https://serving.example.com" in data
    assert "https://monitor.example.com" in data
    assert "127.0.0.1" not in data


def generate(file: Path, serving: str) -> None:
    told = ("--serving", serving, "--monitor", "https://monitor.example.com", "--out", file)
    subprocess.run(
        [sys.executable, "-m", "deploy.k8s.generate", *told], cwd=ROOT, check=True, timeout=60
    )
