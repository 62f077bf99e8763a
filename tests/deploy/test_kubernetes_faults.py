"""Every check is seen to fail: each fault is planted, and the named check says what is wrong."""

import pytest

from tests.deploy.kube import (
    alerting_faults,
    faults,
    network_faults,
    running_faults,
    upkeep_faults,
)
from tests.deploy.kube.checks import CHECKS
from tests.deploy.kube.manifests import Rendered
from tests.deploy.kube.planting import Fault
from tests.deploy.kube.rendering import COMPONENTS, KUBECTL, render_with

pytestmark = pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")

IN_PRODUCTION = [
    *faults.REFERENCES,
    *faults.RIGHTS,
    *upkeep_faults.UPKEEP,
    *running_faults.RUNNING,
    *running_faults.TOLD,
    *running_faults.SUMS,
    *network_faults.NETWORKS,
    *alerting_faults.ALERTING,
]


def named(fault: Fault) -> str:
    return f"{fault.check}: {fault.complaint}"


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    return render_with("production", COMPONENTS, tmp_path_factory.mktemp("production"))


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    return render_with("dev", COMPONENTS, tmp_path_factory.mktemp("dev"))


@pytest.mark.parametrize("fault", IN_PRODUCTION, ids=named)
def test_a_fault_is_found(fault: Fault, production: Rendered) -> None:
    assert found(fault, production)


@pytest.mark.parametrize("fault", running_faults.DEV, ids=named)
def test_a_fault_of_one_node_is_found(fault: Fault, dev: Rendered) -> None:
    assert found(fault, dev)


def test_every_check_is_seen_to_fail() -> None:
    seen = {fault.check for fault in [*IN_PRODUCTION, *running_faults.DEV]}
    assert seen == CHECKS.keys()


def found(fault: Fault, rendered: Rendered) -> bool:
    """The check was content before, and is not any more, for this reason."""
    check = CHECKS[fault.check]
    assert list(check(rendered)) == []
    said = list(check(fault.edit(rendered.copied())))
    assert any(fault.complaint in one for one in said), said
    return True
