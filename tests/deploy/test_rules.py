"""Recording rules and alerts, as both Prometheus 2 and 3 read them."""

import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.observing import program
from tests.unit.deploy.promql import PROMETHEUS, alerts

CASES: Final = sorted((PROMETHEUS / "tests").glob("*.yml"))
RULES: Final = sorted((PROMETHEUS / "rules").glob("*.yml"))
TOOLS: Final = [found for name in ("promtool", "promtool3") if (found := program(name))]

pytestmark = pytest.mark.skipif(not TOOLS, reason="promtool is not installed")


def run(*words: str | Path) -> str:
    """What it says; fails with that when it fails."""
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, check=False, cwd=PROMETHEUS
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def asked() -> Iterator[dict[str, Any]]:
    """Every question about an alert in every case."""
    for file in CASES:
        for case in yaml.safe_load(file.read_text())["tests"]:
            yield from case["alert_rule_test"]


@pytest.mark.parametrize("tool", TOOLS)
def test_rules_are_rules(tool: str) -> None:
    assert run(tool, "check", "rules", *RULES).count("SUCCESS") == len(RULES)


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("name", ["prometheus.yml", "laptop.yml"])
def test_configurations_are_read(tool: str, name: str) -> None:
    assert "SUCCESS" in run(tool, "check", "config", "--syntax-only", name)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_alerts_fire_and_stay_silent_as_written(tool: str, case: Path) -> None:
    assert "SUCCESS" in run(tool, "test", "rules", case)


@pytest.mark.parametrize("name", sorted({rule["alert"] for rule in alerts()}))
def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_not(name: str) -> None:
    heard = [bool(each["exp_alerts"]) for each in asked() if each["alertname"] == name]
    # What always fires has no other case.
    assert set(heard) == ({True} if name == "UnderstudyWatchdog" else {True, False})


def test_every_rule_fires_in_a_case_with_its_words() -> None:
    told = defaultdict[str, list[dict[str, str]]](list)
    for each in asked():
        for alert in each["exp_alerts"]:
            assert alert["exp_annotations"]["summary"]
            told[each["alertname"]].append(alert["exp_labels"])
    for rule in alerts():
        fixed = rule["labels"].items()
        assert any(fixed <= labels.items() for labels in told[rule["alert"]]), rule["alert"]


def test_a_case_that_is_wrong_is_found(tmp_path: Path) -> None:
    case = yaml.safe_load((PROMETHEUS / "tests" / "quality.yml").read_text())
    case["rule_files"] = [str(rules) for rules in RULES]
    case["tests"] = case["tests"][:1]
    case["tests"][0]["alert_rule_test"][0]["exp_alerts"] = []
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(yaml.safe_dump(case))
    with pytest.raises(AssertionError, match="UnderstudyQualityDrop"):
        run(TOOLS[0], "test", "rules", wrong)
