"""Who may speak to whom is what docs/kubernetes.md says: no flow less, none more."""

from pathlib import Path

import pytest

from tests.deploy.kube.manifests import Rendered
from tests.deploy.kube.networks import Flow, flows
from tests.deploy.kube.planting import put
from tests.deploy.kube.rendering import COMPONENTS, KUBECTL, OVERLAYS, ROOT, render_with

pytestmark = pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")

HEADING = "| from | to | port | where |"
ADDING = ("ingress", "prometheus-operator")


def told(*where: str) -> set[Flow]:
    """The table's rows of those places."""
    text = (ROOT / "docs" / "kubernetes.md").read_text()
    table = text.partition(HEADING)[2].partition("\n\n")[0].strip().splitlines()[1:]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    assert {row[3] for row in rows} == {"all", *OVERLAYS, *ADDING}
    return {Flow(a, b, int(port)) for a, b, port, place in rows if place in where}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_flows_are_those_of_the_table(overlay: str, tmp_path: Path) -> None:
    assert flows(render_with(overlay, (), tmp_path)) == told("all", overlay)


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("component", COMPONENTS)
def test_a_component_adds_its_own_rows(component: str, overlay: str, tmp_path: Path) -> None:
    rendered = render_with(overlay, (component,), tmp_path)
    assert flows(rendered) - told("all", overlay) == told(component)
    assert bool(told(component)) == (component in ADDING)


def test_a_flow_too_many_is_found(tmp_path: Path) -> None:
    rendered = render_with("dev", (), tmp_path).copied()
    selector = "spec|podSelector|matchExpressions|0|values|3"
    assert extra(put("NetworkPolicy/clients-to-redis", selector, "registry")(rendered)) == set()
    # Open on one side it is no flow yet; on both it is.
    peer = "spec|ingress|0|from|0|podSelector|matchExpressions|0|values|3"
    opened = put("NetworkPolicy/redis-from-clients", peer, "registry")(rendered)
    assert extra(opened) == {Flow("registry", "redis", 6379)}


def extra(rendered: Rendered) -> set[Flow]:
    return flows(rendered) - told("all", "dev")
