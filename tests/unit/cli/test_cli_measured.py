"""Drift, quality, coverage, fairness and reports as people and programs get them."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import BaseModel

from tests.fakes import monitor_bodies as bodies
from tests.fakes.registry_bodies import NOW, SIGNATURE_JSON
from tests.fakes.scripted_http import Script
from tests.fakes.typed_commands import Run
from understudy.contracts.registry import Page

ROOT = "/v1/deployments/risk"


@pytest.mark.parametrize(
    ("command", "route", "body"),
    [
        ("drift", "drift", bodies.drift()),
        ("quality", "quality", bodies.quality()),
        ("coverage", "labels", bodies.coverage()),
        ("fairness", "fairness", bodies.fairness()),
    ],
)
def test_programs_get_the_body(
    run: Run, server: Script, command: str, route: str, body: BaseModel
) -> None:
    server.on("GET", f"{ROOT}/{route}", body)
    told = json.loads(run(command, "risk", "-o", "json").stdout)
    assert told == body.model_dump(mode="json")


def test_drift_is_ranked_with_effect_sizes(run: Run, server: Script) -> None:
    server.on("GET", f"{ROOT}/drift", bodies.drift())
    server.on("GET", f"{ROOT}/assessment", bodies.assessment())
    told = run("drift", "risk").stdout.splitlines()
    assert told[0] == "risk: income drifted"
    (income,) = [line for line in told if line.startswith("income")]
    assert "3 h ago" in income
    assert "0.31  48,000  61,200        0.12  ████████ → ▂▂▃▄▆██▇" in income
    (tenure,) = [line for line in told if line.startswith("tenure")]
    assert "2.00%   8.00%" in tenure
    assert "assumes: rows are exchangeable within the design effect" in told


def test_drift_does_without_the_window(run: Run, server: Script) -> None:
    server.on("GET", f"{ROOT}/drift", bodies.drift())
    assert "income" in run("drift", "risk").stdout


def test_drift_shows_the_strongest_unless_told_otherwise(run: Run, server: Script) -> None:
    watched = tuple(bodies.alarm(f"f{at}", -float(at)) for at in range(20))
    body = bodies.drift().model_copy(update={"alarms": (), "watched": watched})
    server.on("GET", f"{ROOT}/drift", body)
    told = run("drift", "risk").stdout
    assert "risk: no drift" in told
    assert "… and 8 more with less evidence" in told
    assert "f19" in run("drift", "risk", "--all").stdout


def test_scripts_can_end_on_drift(run: Run, server: Script) -> None:
    server.on("GET", f"{ROOT}/drift", bodies.drift())
    assert run("drift", "risk").exit_code == 0
    assert run("drift", "risk", "--exit-code").exit_code == 1


def test_quality_beside_each_other_with_intervals(run: Run, server: Script) -> None:
    server.on("GET", f"{ROOT}/quality", bodies.quality())
    told = run("quality", "risk", "--days", "7", "--by-class").stdout
    assert server.asked[0].query == {"days": "7"}
    assert "MAIN 1" in told
    assert "0.842 [0.830, 0.854]  0.851 [0.839, 0.863]" in told
    assert "accuracy, estimated" in told
    assert "2025-12-31" in told


def test_quality_without_labels_says_what_to_do(run: Run, server: Script) -> None:
    server.on("GET", f"{ROOT}/quality", bodies.quality().model_copy(update={"matured": ()}))
    assert "understudy label" in run("quality", "risk").stdout
    assert "0.842" in run("quality", "risk", "--early").stdout


def test_coverage_warns_of_selection(run: Run, server: Script) -> None:
    server.on("GET", f"{ROOT}/labels", bodies.coverage())
    told = run("coverage", "risk").stdout
    assert "warning: answers of 'bad' get labels more often than others" in told
    assert "3 labels parked (no such prediction yet), 2 corrected, 1 repeated" in told
    assert "50.0%  1 h" in told
    assert "labels: bad 20.0%, good 80.0%" in told


def test_small_groups_are_not_shown(run: Run, server: Script) -> None:
    server.on("GET", f"{ROOT}/fairness", bodies.fairness())
    told = run("fairness", "risk").stdout
    assert "age_band, main 1 – widest gaps: selection 4.00% [0.00%, 8.00%]" in told
    assert "62.0% [58.0%, 65.0%]" in told
    assert "too few rows to be shown (fewer than 30): 75+" in told
    assert "selected: answered the last class of the model's signature" in told


def test_it_says_whom_a_selection_rate_is_of(run: Run, server: Script) -> None:
    server.on("GET", f"{ROOT}/fairness", bodies.fairness())
    server.on("GET", f"{ROOT}/signature", SIGNATURE_JSON)
    assert "selected: answered 'good'" in run("fairness", "risk").stdout


@pytest.mark.parametrize(("command", "body"), [("quality", "quality"), ("fairness", "fairness")])
def test_it_says_why_it_looks_back_less_than_asked(
    run: Run, server: Script, command: str, body: str
) -> None:
    server.on("GET", f"{ROOT}/{command}", getattr(bodies, body)())
    assert "of the 90 days that you asked for" in run(command, "risk", "--days", "90").stdout
    assert "that you asked for" not in run(command, "risk", "--days", "7").stdout


def test_reports_are_listed(run: Run, server: Script) -> None:
    server.on("GET", f"{ROOT}/reports", Page(items=(bodies.report_view(),)))
    assert "0198c1f2" in run("reports", "risk").stdout
    assert "drift of income" in run("reports", "risk").stdout


def test_a_report_is_written(run: Run, server: Script, tmp_path: Path) -> None:
    server.on("GET", f"{ROOT}/report", "<html>window</html>")
    out = tmp_path / "report.html"
    result = run("report", "risk", "--out", str(out), "--from", "2026-01-01T00:00+00:00")
    assert result.exit_code == 0, result.stderr
    assert out.read_text() == "<html>window</html>"
    assert server.asked[0].query == {"from": "2026-01-01T00:00:00+00:00"}


def test_a_kept_report_is_written(run: Run, server: Script, tmp_path: Path) -> None:
    server.on("GET", f"{ROOT}/reports/0198c1f2", "<html>kept</html>")
    out = tmp_path / "report.html"
    assert run("report", "risk", "--out", str(out), "--id", "0198c1f2").exit_code == 0
    assert out.read_text() == "<html>kept</html>"


@pytest.mark.parametrize(
    "options",
    [
        ("--from", "yesterday"),
        ("--id", "0198c1f2", "--from", "7d"),
        ("--out", "."),
        ("--out", "no/such/folder/report.html"),
    ],
)
def test_what_can_not_be_meant_is_refused(
    run: Run, server: Script, options: tuple[str, ...]
) -> None:
    server.on("GET", f"{ROOT}/report", "<html/>")
    assert run("report", "risk", "--out", "r.html", *options).exit_code == 2


def test_what_is_over_stands_apart_and_is_no_drift(run: Run, server: Script) -> None:
    over = bodies.alarm().model_copy(update={"ended": NOW - timedelta(hours=1)})
    body = bodies.drift().model_copy(
        update={"alarms": (), "watched": (over, *bodies.drift().watched[1:])}
    )
    server.on("GET", f"{ROOT}/drift", body)
    result = run("drift", "risk", "--exit-code")
    told = result.stdout.splitlines()
    assert told[0] == "risk: no drift any more – income had drifted, that is over"
    apart = told.index("OVER: rows came back to the reference")
    (income,) = [at for at, line in enumerate(told) if line.startswith("income")]
    assert income > apart > told.index(next(line for line in told if line.startswith("age")))
    assert "over since 1 h" in told[income]
    assert result.exit_code == 0


def test_coverage_has_no_columns_of_what_nobody_measured(run: Run, server: Script) -> None:
    bare = {"lag_p50_seconds": None, "lag_p95_seconds": None}
    by_class = {
        name: reading.model_copy(update=bare)
        for name, reading in bodies.coverage().predicted_classes.items()
    }
    body = bodies.coverage().model_copy(update={"predicted_classes": by_class})
    server.on("GET", f"{ROOT}/labels", body)
    heads = [line for line in run("coverage", "risk").stdout.splitlines() if "ANSWERS" in line]
    (classes,) = [line for line in heads if line.startswith("PREDICTED CLASS")]
    (versions,) = [line for line in heads if line.startswith("VERSION")]
    assert "HALF WITHIN" in versions
    assert "HALF WITHIN" not in classes
