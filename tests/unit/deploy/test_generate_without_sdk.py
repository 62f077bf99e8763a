"""Where Grafana's SDK is missing, whoever wants dashboards is told what to do."""

import subprocess
import sys

import pytest

from tests.unit.deploy.promql import ROOT

RUN = """
import runpy, sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "grafana_foundation_sdk":
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Missing())
runpy.run_module(sys.argv.pop(1), run_name="__main__")
"""


@pytest.mark.parametrize("module", ["deploy.grafana.generate", "deploy.k8s.generate"])
def test_one_line_says_what_is_missing(module: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", RUN, module, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 2
    assert ran.stderr == "Grafana's SDK is not installed: make install first.\n"
