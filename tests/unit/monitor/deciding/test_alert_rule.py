"""The rule `alert`: where it stands among the others, and what it never does."""

from dataclasses import replace

import pytest
from pydantic import TypeAdapter

from services.monitor.domain.deciding.judge import judge
from services.monitor.domain.deciding.judgement import ComparisonReading
from tests.fakes.judged import alert, case, rail, reading
from understudy.contracts.judging import Actions
from understudy.contracts.vocabulary import RuleName, Verdict


def test_an_alert_that_accuses_the_main_rolls_back() -> None:
    found = judge(case(previous_main=7, alerts=[alert()]))
    assert (found.verdict, found.rule, found.version) == (Verdict.ROLL_BACK, RuleName.ALERT, 7)
    assert found.reasons == (
        "alert Burn fires since 2026-05-01 00:00:00 UTC: risk fails in 5 % of requests",
    )


def test_without_a_former_main_there_is_nothing_to_go_to() -> None:
    found = judge(case(alerts=[alert()]))
    assert (found.verdict, found.rule, found.version) == (Verdict.KEEP, RuleName.ALERT, None)
    assert found.reasons[-1] == "version 1 replaced no version: there is nothing to roll back to"


@pytest.mark.parametrize("seen", [alert(excused="it began before"), alert(named=False)])
def test_an_alert_that_accuses_nobody_changes_no_verdict(seen: object) -> None:
    undecided = reading(Verdict.WAIT)
    found = judge(case(undecided, previous_main=7, alerts=[seen]))  # type: ignore[list-item]
    assert (found.verdict, found.rule) == (Verdict.WAIT, RuleName.UNDECIDED)


def test_an_excuse_is_told_with_whatever_is_concluded() -> None:
    found = judge(case(reading(Verdict.WAIT), alerts=[alert(excused="it began before")]))
    assert "decides nothing: it began before" in found.reasons[-1]


def test_a_rail_of_the_mains_own_comes_first_and_labels_come_after() -> None:
    both = judge(case(previous_main=7, main_rails=[rail()], alerts=[alert()]))
    assert both.rule is RuleName.ERRORS
    better = reading(Verdict.PROMOTE, RuleName.BETTER)
    found = judge(case(better, previous_main=7, alerts=[alert()]))
    assert (found.verdict, found.rule, found.version) == (Verdict.ROLL_BACK, RuleName.ALERT, 7)


def test_without_traffic_nobody_is_accused() -> None:
    found = judge(case(rows=0, previous_main=7, alerts=[alert()]))
    assert found.rule is RuleName.NO_TRAFFIC


@pytest.mark.parametrize(
    "beside",
    [
        reading(Verdict.KEEP, RuleName.WORSE, challenger=7),
        reading(Verdict.KEEP, RuleName.SLOW, challenger=7, rails=[rail(RuleName.SLOW, version=7)]),
    ],
)
def test_going_back_to_what_is_known_to_do_worse_would_not_help(beside: ComparisonReading) -> None:
    found = judge(case(beside, previous_main=7, alerts=[alert()]))
    assert (found.verdict, found.rule, found.version) == (Verdict.KEEP, RuleName.ALERT, None)
    assert "would not help" in found.reasons[-1]
    another = replace(beside, challenger=8)
    assert judge(case(another, previous_main=7, alerts=[alert()])).verdict is Verdict.ROLL_BACK


def test_a_policy_that_was_stored_before_there_were_alerts_names_none() -> None:
    stored = {
        "promote": "automatic",
        "roll_back": "off",
        "cool_down_seconds": 60.0,
        "minimum_rows": 10,
    }
    found = TypeAdapter(Actions).validate_python(stored)
    assert found.alerts == ()
    again = TypeAdapter(Actions).dump_json(replace(found, alerts=("Burn", "Slow")))
    assert TypeAdapter(Actions).validate_json(again).alerts == ("Burn", "Slow")


@pytest.mark.parametrize(
    "names",
    [
        *(("",), (" Burn",), ("a,b",), ("a\nb",), ("x" * 129,), ("Burn", "Burn")),
        tuple(f"Alert{number}" for number in range(17)),
    ],
)
def test_a_policy_names_alerts_that_there_can_be(names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="alert"):
        Actions(alerts=names)
    assert Actions(alerts=("A burn rate that is high",)).alerts
