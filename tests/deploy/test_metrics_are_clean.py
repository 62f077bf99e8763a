"""`promtool check metrics` has nothing to say about any service of a cluster that has served."""

import shutil
import subprocess

import pytest

from tests.cluster import LaptopCluster

PROMTOOL = shutil.which("promtool")

pytestmark = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")


@pytest.mark.parametrize("service", ["registry", "serving", "challenger", "monitor"])
def test_promtool_is_content(loaded_cluster: LaptopCluster, service: str) -> None:
    assert PROMTOOL is not None
    text = loaded_cluster.metrics(service)
    assert "understudy_" in text
    done = subprocess.run(
        [PROMTOOL, "check", "metrics"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert (done.returncode, done.stderr) == (0, "")
