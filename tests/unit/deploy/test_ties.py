"""Alerts, runbook, metrics, dashboards and docs/monitoring.md name the same things, both ways."""

import re
from typing import Any, Final

import pytest
import typer.main

from deploy.grafana.reading import Dashboard
from tests.unit.deploy import runbook
from tests.unit.deploy.promql import (
    ROOT,
    SCRAPED,
    alerts,
    catalogue,
    faults,
    known,
    read,
    recorded,
    recordings,
)
from understudy.cli.root import app

ALERTS: Final = alerts()
NAMES: Final = sorted({rule["alert"] for rule in ALERTS})
KNOWN: Final = known()

_ASKED: Final = re.compile(r"(?:printf|query) `([^`]+)`")
_LABEL: Final = re.compile(r"\$labels\.(\w+)")
_DASHBOARD: Final = re.compile(r"/d/([\w-]+)")
NUMBERS: Final = {"RELEASE", "VERSION"}
"""What a reader puts the right one in the place of."""
_LISTED: Final = re.compile(r"^\| \[(\w+)\]\(runbook\.md#(\w+)\) \| ([^|]+) \|", re.MULTILINE)


def test_every_alert_has_a_section_and_every_section_an_alert() -> None:
    assert sorted(section.name for section in runbook.sections()) == NAMES


@pytest.mark.parametrize("section", runbook.sections(), ids=lambda section: section.name)
def test_a_section_has_its_four_parts_and_tells_the_severity(section: runbook.Section) -> None:
    assert section.parts == runbook.PARTS
    told = set(re.findall(r"`(page|ticket|info)`", section.text.partition("\n**How")[0]))
    severities = {rule["labels"]["severity"] for rule in ALERTS if rule["alert"] == section.name}
    assert told & severities


@pytest.mark.parametrize("rule", ALERTS, ids=[rule["alert"] for rule in ALERTS])
def test_an_alert_says_all_that_is_needed(rule: dict[str, Any]) -> None:
    said = rule["annotations"]
    assert rule["labels"]["severity"] in {"page", "ticket", "info"}
    assert rule["labels"]["team"] in {"platform", "models"}
    assert said["summary"]
    assert said["description"]
    assert said["runbook_url"] == "{{ $externalLabels.runbooks }}#" + rule["alert"].lower()
    uids = {board.json["uid"] for board in Dashboard.all()}
    assert set(_DASHBOARD.findall(said["dashboard_url"])) <= uids


@pytest.mark.parametrize("rule", ALERTS, ids=[rule["alert"] for rule in ALERTS])
def test_what_an_alert_asks_for_exists(rule: dict[str, Any]) -> None:
    assert not faults(rule["expr"], KNOWN)
    for text in rule["annotations"].values():
        for asked in _ASKED.findall(text):
            assert not faults(asked.replace("%q", '""'), KNOWN)


@pytest.mark.parametrize("rule", ALERTS, ids=[rule["alert"] for rule in ALERTS])
def test_an_alert_names_no_label_that_it_does_not_have(rule: dict[str, Any]) -> None:
    query = read(rule["expr"])
    of_recorded = frozenset[str]().union(*(recorded().get(name, ()) for name in query.metrics))
    has = query.grouped | of_recorded | SCRAPED | rule["labels"].keys()
    assert set(_LABEL.findall(" ".join(rule["annotations"].values()))) <= has


@pytest.mark.parametrize("rule", recordings(), ids=lambda rule: str(rule["record"]))
def test_what_is_recorded_exists_and_is_used(rule: dict[str, Any]) -> None:
    assert not faults(rule["expr"], KNOWN)
    used = "\n".join(
        [
            *(each["expr"] + str(each["annotations"]) for each in ALERTS),
            *(each["expr"] for each in recordings()),
            *(str(board.json) for board in Dashboard.all()),
        ]
    )
    assert re.search(rf"(?<![\w:]){rule['record']}(?![\w:])", used)


def test_every_alert_is_in_sight_on_a_dashboard() -> None:
    lists = [
        panel
        for board in Dashboard.all()
        for panel in board.panels()
        if panel["type"] == "alertlist" or "ALERTS" in str(panel)
    ]
    assert lists
    # Nothing but the alert that always fires may be left out.
    left_out = re.findall(r"Understudy\w+", " ".join(map(str, lists)))
    assert set(left_out) <= {"UnderstudyWatchdog"}


def test_the_table_of_alerts_is_complete() -> None:
    listed = _LISTED.findall((ROOT / "docs" / "monitoring.md").read_text())
    severities = {
        name: {rule["labels"]["severity"] for rule in ALERTS if rule["alert"] == name}
        for name in NAMES
    }
    assert {name: set(told.split(", ")) for name, _, told in listed} == severities
    assert all(anchor == name.lower() for name, anchor, _ in listed)
    assert len(listed) == len(NAMES)


@pytest.mark.parametrize("promql", sorted(set(runbook.queries())))
def test_queries_of_the_runbook_ask_for_what_exists(promql: str) -> None:
    assert read(promql).metrics
    assert not faults(promql, KNOWN)


@pytest.mark.parametrize("words", list(runbook.commands()), ids=" ".join)
def test_commands_of_the_runbook_exist(words: list[str]) -> None:
    # Fails on an option or a value that there is not.
    parse(["7" if word in NUMBERS else word for word in words])


@pytest.mark.parametrize(
    "words", [words for words in runbook.commands() if NUMBERS & set(words)], ids=" ".join
)
def test_a_command_that_is_pasted_without_its_number_is_refused(words: list[str]) -> None:
    with pytest.raises(typer.BadParameter):
        parse(words)


def test_no_command_of_the_runbook_names_a_release_or_a_version_by_chance() -> None:
    acting = {"challenge", "promote", "rollback", "versions", "withdraw"}
    named = [words for words in runbook.commands() if words[1] in acting]
    assert {words[1] for words in named} == acting
    assert all(NUMBERS & set(words) for words in named)
    assert not [word for words in named for word in words if word.isdigit()]
    assert all("--to" in words for words in named if words[1] == "rollback")


def parse(words: list[str]) -> None:
    """As the command line would take it."""
    command: Any = typer.main.get_command(app)
    rest = words[1:]
    while hasattr(command, "commands"):
        if command.invoke_without_command and rest[0].startswith("-"):
            break
        assert rest[0] in command.commands
        command, rest = command.commands[rest[0]], rest[1:]
    command.make_context("understudy", rest)


def test_a_metric_that_is_not_there_is_found() -> None:
    asked = 'sum by (deployment, colour) (rate(understudy_nothing_total{deployment="a"}[5m]))'
    assert faults(asked, KNOWN) == ["understudy_nothing_total"]
    asked = 'sum by (colour) (rate(understudy_pairs_total{shade=~"a|b"}[5m]))'
    assert faults(asked, KNOWN) == ["understudy_pairs_total{shade}", "by (colour)"]


def test_the_catalogue_is_read() -> None:
    assert catalogue()["understudy_pairs_total"] == {"deployment", "version", "outcome"}
    assert "le" in catalogue()["understudy_prediction_seconds_bucket"]
