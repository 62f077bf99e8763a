"""Who hushes whom: above all, what the monitor is told of is not hushed by its own conclusions."""

import re
from typing import Any, Final

import pytest

from tests.unit.deploy.promql import alerts, catalogue, read
from tests.unit.deploy.routing import Hushing, hushing, routed_to, routes

SAID_BY_THE_MONITOR: Final = catalogue("Monitor").keys()
TO_MONITOR: Final = routed_to("monitor")
HOURS_KEPT: Final = 120
"""For how long Alertmanager remembers what it told unless it is told otherwise."""


def follows(found: Hushing) -> bool:
    """Whether its source may come of what the monitor was told, or is told to it itself."""
    said = read(found.source["expr"]).metrics.keys() & SAID_BY_THE_MONITOR
    return bool(said) or found.source in TO_MONITOR


def test_the_monitor_is_told_of_what_may_lead_to_a_rollback() -> None:
    assert {rule["alert"] for rule in TO_MONITOR} == {
        "UnderstudyErrorBudgetBurnFast",
        "UnderstudyLatencyBudgetBurnFast",
        "UnderstudyOverloaded",
        "UnderstudyQualityDrop",
        "UnderstudyConceptDrift",
    }
    assert "understudy_verdict" in SAID_BY_THE_MONITOR


def test_what_the_monitor_is_told_of_is_not_hushed_by_what_follows_from_it() -> None:
    found = hushing(TO_MONITOR)
    assert [each for each in found if follows(each)] == []
    # Nothing else hushes it but serving that is down.
    assert {each.source["alert"] for each in found} == {"UnderstudyServingDown"}


@pytest.mark.parametrize("name", ["UnderstudyVerdictRollBack", "UnderstudyActionFailed"])
def test_a_conclusion_that_would_hush_its_reason_is_found(name: str) -> None:
    (rule,) = (each for each in alerts() if each["alert"] == name)
    wrong: dict[str, Any] = {**rule, "labels": {"severity": "page", "sli": "quality"}}
    found = [each for each in hushing(TO_MONITOR, [wrong]) if follows(each)]
    assert {each.target["alert"] for each in found} == {
        "UnderstudyQualityDrop",
        "UnderstudyConceptDrift",
    }


def test_a_page_hushes_the_ticket_of_its_indicator_alone() -> None:
    slow = [rule for rule in alerts() if rule["alert"].endswith("BurnSlow")]
    fast = [rule for rule in alerts() if rule["alert"].endswith("BurnFast")]
    assert {(each.source["alert"], each.target["alert"]) for each in hushing(slow, fast)} == {
        (f"Understudy{indicator}BudgetBurnFast", f"Understudy{indicator}BudgetBurnSlow")
        for indicator in ("Error", "Latency")
    }


def test_what_was_told_is_told_again_before_it_is_forgotten() -> None:
    again = [each["repeat_interval"] for each in routes() if "repeat_interval" in each]
    assert again
    assert all(re.fullmatch(r"\d+[mh]", each) for each in again)
    hours = [int(each[:-1]) / (60 if each.endswith("m") else 1) for each in again]
    assert max(hours) <= 0.8 * HOURS_KEPT
