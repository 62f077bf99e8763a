"""What the Prometheus operator would make of the component is read by Alertmanager, and routes.

The operator itself is not run: it puts the namespace before names, its label among matchers, lets
following routes look at the alert too, and reads the key from the Secret.
"""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.kube.manifests import Manifest, Rendered
from tests.deploy.kube.rendering import KUBECTL, render_with
from tests.observing import program

AMTOOL = program("amtool")
MONITOR = "understudy/understudy/monitor"
PEOPLE = "people"
TOLD = ("UnderstudyErrorBudgetBurnFast", "UnderstudyOverloaded", "UnderstudyConceptDrift")
OURS = "namespace=understudy"

pytestmark = [
    pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed"),
    pytest.mark.skipif(AMTOOL is None, reason="amtool is not installed"),
]


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    folder = tmp_path_factory.mktemp("rendered")
    return render_with("production", ("prometheus-operator",), folder)


@pytest.fixture(scope="module")
def configuration(rendered: Rendered, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("alertmanager") / "alertmanager.yml"
    path.write_text(yaml.safe_dump(made(rendered.find("AlertmanagerConfig/understudy")["spec"])))
    return path


def test_alertmanager_reads_it(configuration: Path) -> None:
    assert "SUCCESS" in amtool("check-config", str(configuration))


@pytest.mark.parametrize("name", TOLD)
def test_the_monitor_is_told_and_people_too(name: str, configuration: Path) -> None:
    found = routed(configuration, f"alertname={name}", "deployment=a", OURS)
    assert found == [MONITOR, PEOPLE]


@pytest.mark.parametrize(
    "labels",
    [
        ("alertname=UnderstudyDrift", "deployment=a", OURS),
        ("alertname=UnderstudyOverloaded", OURS),
        ("alertname=UnderstudyOverloaded", "deployment=a", "namespace=other"),
    ],
)
def test_of_other_alerts_it_is_not(labels: tuple[str, ...], configuration: Path) -> None:
    assert routed(configuration, *labels) == [PEOPLE]


def made(spec: Manifest) -> Manifest:
    """Alertmanager's own configuration, with a route to people behind ours."""
    ours = {"name": "namespace", "matchType": "=", "value": "understudy"}
    route, inhibitions = spec["route"], spec["inhibitRules"]
    hooks = [_hook(one) for one in spec["receivers"][0]["webhookConfigs"]]
    told = {
        "receiver": MONITOR,
        "matchers": _matchers([*route["matchers"], ours]),
        "continue": True,
        "group_by": route["groupBy"],
        "group_wait": route["groupWait"],
        "group_interval": route["groupInterval"],
        "repeat_interval": route["repeatInterval"],
    }
    return {
        "route": {"receiver": PEOPLE, "routes": [told, {"receiver": PEOPLE}]},
        "receivers": [{"name": PEOPLE}, {"name": MONITOR, "webhook_configs": hooks}],
        "inhibit_rules": [
            {
                "source_matchers": _matchers([*one["sourceMatch"], ours]),
                "target_matchers": _matchers([*one["targetMatch"], ours]),
                "equal": one.get("equal", []),
            }
            for one in inhibitions
        ],
    }


def _hook(told: Manifest) -> Manifest:
    return {
        "url": told["url"],
        "send_resolved": told["sendResolved"],
        "max_alerts": told["maxAlerts"],
        "http_config": {"authorization": {"type": "Bearer", "credentials": "a key"}},
    }


def _matchers(told: list[dict[str, Any]]) -> list[str]:
    return [f'{one["name"]}{one["matchType"]}"{one["value"]}"' for one in told]


def routed(configuration: Path, *labels: str) -> list[str]:
    said = amtool("config", "routes", "test", f"--config.file={configuration}", *labels)
    return said.strip().split(",")


def amtool(*words: str) -> str:
    assert AMTOOL is not None
    done = subprocess.run([AMTOOL, *words], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
