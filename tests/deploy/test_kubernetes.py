"""Every overlay, alone and with each component, is valid, and means what it says."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.deploy.kube.checks import complaints
from tests.deploy.kube.manifests import Rendered
from tests.deploy.kube.rendering import COMPONENTS, KUBECTL, OVERLAYS, render_with
from tests.deploy.kube.upkeep import builtin

pytestmark = pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")

VALIDATE = Path(sys.executable).with_name("kubernetes-validate")
# The first that has `preStop.sleep` without a gate, and the newest that was looked at.
VERSIONS = ("1.34", "1.36")
CASES = [
    pytest.param(overlay, components, id="+".join((overlay, *components)))
    for overlay in OVERLAYS
    for components in [(), *((name,) for name in COMPONENTS), COMPONENTS]
]


@pytest.mark.parametrize(("overlay", "components"), CASES)
def test_nothing_is_amiss(overlay: str, components: tuple[str, ...], tmp_path: Path) -> None:
    assert complaints(render_with(overlay, components, tmp_path / "rendered")) == []


@pytest.mark.skipif(not VALIDATE.exists(), reason="kubernetes-validate is not installed")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_kubernetes_knows_every_field(overlay: str, version: str, tmp_path: Path) -> None:
    done = validate(render_with(overlay, COMPONENTS, tmp_path / "rendered"), version, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ERROR" not in done.stdout + done.stderr
    assert "WARN" not in done.stdout + done.stderr


@pytest.mark.skipif(not VALIDATE.exists(), reason="kubernetes-validate is not installed")
def test_a_field_that_kubernetes_does_not_know_is_found(tmp_path: Path) -> None:
    faulty = render_with("dev", (), tmp_path / "rendered").copied()
    faulty.find("Deployment/registry")["spec"]["template"]["spec"]["graceSeconds"] = 30
    done = validate(faulty, VERSIONS[-1], tmp_path)
    assert done.returncode != 0
    assert "graceSeconds" in done.stdout + done.stderr


def validate(rendered: Rendered, version: str, folder: Path) -> subprocess.CompletedProcess[str]:
    file = folder / "manifests.yaml"
    file.write_text(yaml.safe_dump_all(builtin(rendered).manifests))
    return subprocess.run(
        [VALIDATE, "--strict", "-k", version, file],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
