"""Who is told of what, and how it reads."""

import json
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.observing import program
from tests.unit.deploy import routing
from tests.unit.deploy.promql import ROOT, alerts

FOLDER: Final = ROOT / "deploy" / "alertmanager"
CONFIG: Final = FOLDER / "alertmanager.yml"
RECEIVERS: Final = sorted((FOLDER / "receivers").glob("*.yml"))
AMTOOL: Final = program("amtool") or ""

ROLLED_BACK_BY: Final = frozenset(
    {
        "UnderstudyErrorBudgetBurnFast",
        "UnderstudyLatencyBudgetBurnFast",
        "UnderstudyOverloaded",
        "UnderstudyQualityDrop",
        "UnderstudyConceptDrift",
    }
)

pytestmark = pytest.mark.skipif(not AMTOOL, reason="amtool is not installed")


def amtool(*words: str | Path) -> str:
    """What it says."""
    done = subprocess.run(
        [AMTOOL, *map(str, words)], capture_output=True, text=True, check=False, cwd=FOLDER
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def told(**labels: str) -> set[str]:
    """The receivers of an alert with these labels."""
    named = [f"{name}={value}" for name, value in labels.items()]
    found = amtool("config", "routes", "test", f"--config.file={CONFIG}", *named)
    return set(found.strip().split(","))


def rendered(text: str, data: dict[str, Any], folder: Path, kind: str = "text") -> str:
    """A template with this notification."""
    file = folder / "data.json"
    file.write_text(json.dumps(data))
    return amtool(
        "template",
        "render",
        f"--template.glob={FOLDER / 'templates' / '*.tmpl'}",
        f"--template.text={text}",
        f"--template.type={kind}",
        f"--template.data={file}",
    )


def notification(status: str = "firing") -> dict[str, Any]:
    """As Alertmanager hands one to a template."""
    labels = {
        "alertname": "UnderstudyDrift",
        "deployment": "credit-risk",
        "severity": "ticket",
        "team": "models",
    }
    alert = {
        "status": status,
        "labels": labels,
        "annotations": {
            "summary": "credit-risk: income <drifts>, PSI 0.312",
            "description": "Live rows have left the reference.",
            "runbook_url": "http://127.0.0.1:8702/runbook#understudydrift",
            "dashboard_url": "http://127.0.0.1:3000/d/understudy-deployment",
            "report_url": "http://127.0.0.1:8702/v1/deployments/credit-risk/report",
        },
        "startsAt": "2026-01-31T12:00:00Z",
        "endsAt": "2026-01-31T12:30:00Z",
    }
    common = {"commonLabels": labels, "groupLabels": labels, "commonAnnotations": {}}
    return {"receiver": "ticket", "status": status, "alerts": [alert], **common}


@pytest.mark.parametrize("receivers", [None, *RECEIVERS], ids=lambda file: file and file.stem)
def test_it_is_read_with_each_kind_of_receiver(receivers: Path | None, tmp_path: Path) -> None:
    config = yaml.safe_load(CONFIG.read_text())
    config["templates"] = [str(FOLDER / "templates" / "*.tmpl")]
    if receivers is not None:
        given = yaml.safe_load(receivers.read_text())["receivers"]
        named = {each["name"]: each for each in given}
        assert named.keys() <= {each["name"] for each in config["receivers"]}
        config["receivers"] = [named.get(each["name"], each) for each in config["receivers"]]
    file = tmp_path / "alertmanager.yml"
    file.write_text(yaml.safe_dump(config))
    assert "SUCCESS" in amtool("check-config", file)


def test_no_secret_stands_in_a_file() -> None:
    for file in (CONFIG, *RECEIVERS):
        keys = {line.partition(":")[0].strip(" -") for line in file.read_text().splitlines()}
        assert not keys & {"api_url", "routing_key", "auth_password", "credentials", "password"}


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: str(rule["alert"]))
def test_whoever_is_concerned_is_told(rule: dict[str, Any]) -> None:
    name, labels = rule["alert"], rule["labels"]
    expected = {labels["severity"]}
    if name in ROLLED_BACK_BY:
        expected.add("monitor")
    if name == "UnderstudyWatchdog":
        expected = {"watchdog"}
    assert told(alertname=name, deployment="credit-risk", **labels) == expected


def test_routes_are_read_as_alertmanager_reads_them() -> None:
    to_monitor = {rule["alert"] for rule in routing.routed_to("monitor")}
    assert to_monitor == ROLLED_BACK_BY


def test_the_monitor_is_not_told_of_what_has_no_deployment() -> None:
    assert told(alertname="UnderstudyOverloaded", severity="page") == {"page"}


def test_what_is_unknown_is_a_ticket() -> None:
    assert told(alertname="SomebodyElses") == {"ticket"}


def test_what_hushes_exists() -> None:
    names = {rule["alert"] for rule in alerts()}
    sources = [
        matcher.partition('"')[2].rstrip('"')
        for rule in yaml.safe_load(CONFIG.read_text())["inhibit_rules"]
        for matcher in rule["source_matchers"]
        if matcher.startswith("alertname")
    ]
    assert sources
    assert set(sources) <= names


def test_texts_tell_what_when_and_where(tmp_path: Path) -> None:
    title = rendered('{{ template "understudy.title" . }}', notification(), tmp_path)
    assert title.strip() == "TICKET: credit-risk · UnderstudyDrift"
    text = rendered('{{ template "understudy.text" . }}', notification(), tmp_path)
    for said in notification()["alerts"][0]["annotations"].values():
        assert said in text
    assert "Since 2026-01-31 12:00:00 UTC" in text
    slack = rendered('{{ template "understudy.slack.text" . }}', notification(), tmp_path)
    assert "<http://127.0.0.1:8702/runbook#understudydrift|runbook>" in slack


def test_what_is_over_says_so(tmp_path: Path) -> None:
    title = rendered('{{ template "understudy.title" . }}', notification("resolved"), tmp_path)
    assert title.strip() == "Over: credit-risk · UnderstudyDrift"
    text = rendered('{{ template "understudy.text" . }}', notification("resolved"), tmp_path)
    assert "From 2026-01-31 12:00:00 to 2026-01-31 12:30:00 UTC" in text


def test_mail_shows_markup_as_text(tmp_path: Path) -> None:
    html = rendered('{{ template "understudy.html" . }}', notification(), tmp_path, "html")
    assert "income &lt;drifts&gt;" in html
    assert 'href="http://127.0.0.1:8702/v1/deployments/credit-risk/report"' in html
