"""Guard rules: what they let through, refuse and answer themselves, and which goes before which."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from services.serving.domain.errors import InvalidRowsError, LowConfidenceError
from services.serving.domain.guards import NO_RULING, Ruling, ruling, unsure
from services.serving.domain.rows import MOST_TEXT, Plan, Shape
from services.serving.metrics import ServingMetrics
from services.serving.operations import Serving
from services.serving.operations.releases import Releases
from services.serving.operations.scoring import Limits
from tests.fakes.serving import FLOWERS, LOANS, ListLog, RuleLibrary, deployment, ruled
from understudy.contracts.policy import ConfidenceRule, GuardRule, Guards, Policy
from understudy.contracts.registry import Snapshot
from understudy.contracts.vocabulary import GuardAction, GuardRuleName, Label
from understudy.inference.scored import Scored
from understudy.runtime.keys import KeyRing

FLAG, REFUSE = GuardRule(GuardAction.FLAG), GuardRule(GuardAction.REFUSE)
OUT, UNSEEN = GuardRuleName.OUT_OF_RANGE, GuardRuleName.UNSEEN_CATEGORY
LOW = GuardRuleName.LOW_CONFIDENCE
PLAN = Plan(LOANS)
GOOD: dict[str, object] = {
    "income": 30_000,
    "age": 40,
    "purpose": "car",
    "employed": True,
    "town": "Ghent",
}
ODD = {**GOOD, "age": 17, "purpose": "boat"}


def override(answer: Label) -> GuardRule:
    return GuardRule(GuardAction.OVERRIDE, answer)


def inputs(out: GuardRule = REFUSE, unseen: GuardRule = REFUSE) -> Policy:
    return Policy(guards=Guards(out_of_range=out, unseen_category=unseen))


def confident(below: float, rule: GuardRule, out: GuardRule = REFUSE) -> Policy:
    return Policy(guards=Guards(out_of_range=out, low_confidence=ConfidenceRule(below, rule)))


def scored(*largest: float) -> Scored:
    found = np.array(largest)
    return Scored(np.zeros(len(found)), np.column_stack([found, 1 - found]))


def test_flagged_rows_reach_the_model_as_they_are() -> None:
    draft = PLAN.read([GOOD, ODD], inputs(FLAG, FLAG), Shape.ROWS)
    assert draft.cells[1] == (30_000.0, 17.0, 1.0, "boat", "Ghent")
    assert [(n.code, n.feature, n.message) for n in draft.notices[1]] == [
        ("out_of_range", "age", "17 is below the legal minimum of 18"),
        ("unseen_category", "purpose", "'boat' is not one of 'car', 'house'"),
    ]
    assert draft.notices.keys() == {1}
    assert draft.overrides == {}
    assert draft.hits == {(OUT, GuardAction.FLAG): 1, (UNSEEN, GuardAction.FLAG): 1}


def test_an_override_answers_and_the_row_still_goes_to_the_model() -> None:
    draft = PLAN.read([ODD, GOOD], inputs(override(1), FLAG), Shape.ROWS)
    assert draft.cells[0][1] == 17.0
    assert draft.overrides == {0: 1}
    assert draft.notices[0][0].message.endswith("; a rule answered instead")
    assert not draft.notices[0][1].message.endswith("instead")


def test_of_several_overrides_the_first_features_holds() -> None:
    both = inputs(override("age"), override("purpose"))
    assert PLAN.read([ODD], both).overrides == {0: "age"}
    swapped = Plan(replace(LOANS, features=LOANS.features[::-1]))
    assert swapped.read([ODD], both).overrides == {0: "purpose"}


def test_refuse_goes_before_override() -> None:
    with pytest.raises(InvalidRowsError) as refused:
        PLAN.read([ODD], inputs(override(1), REFUSE))
    assert [error.pointer for error in refused.value.errors] == ["/purpose"]
    assert refused.value.hits == {(UNSEEN, GuardAction.REFUSE): 1}


def test_refused_rows_are_counted_by_rule_and_not_by_value() -> None:
    rows = [{**GOOD, "age": 7, "income": -1}, {**GOOD, "age": 200}, {**GOOD, "purpose": 5}]
    with pytest.raises(InvalidRowsError) as refused:
        PLAN.read(rows, Policy(), Shape.LIST)
    assert len(refused.value.errors) == 4
    assert refused.value.hits == {(OUT, GuardAction.REFUSE): 2}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("age", 17.5),
        ("age", 10**400),
        ("income", float("inf")),
        ("income", float("nan")),
        ("income", None),
        ("income", "-5"),
        ("employed", 2),
        ("purpose", 5),
        ("purpose", "b" * (MOST_TEXT + 1)),
        ("town", "b" * (MOST_TEXT + 1)),
    ],
)
def test_rules_let_nothing_through_that_is_wrong_in_another_way(name: str, value: object) -> None:
    with pytest.raises(InvalidRowsError) as refused:
        PLAN.read([{**GOOD, name: value}], inputs(FLAG, FLAG))
    assert refused.value.hits == {}


def test_without_a_rule_nothing_is_looked_at() -> None:
    assert unsure(Policy(), scored(0.1)) == {}
    assert ruling(Policy(), {}, range(1)) is NO_RULING


def test_a_model_without_probabilities_is_never_unsure() -> None:
    assert unsure(confident(0.9, REFUSE), Scored(np.zeros(2))) == {}


def test_each_request_of_a_call_is_told_of_its_own_rows() -> None:
    policy = confident(0.8, FLAG)
    found = unsure(policy, scored(0.9, 0.79996, 0.8, 0.6))
    assert found == {1: 0.79996, 3: 0.6}
    assert ruling(policy, found, range(1)) is NO_RULING
    second = ruling(policy, found, range(1, 4))
    assert second.notices.keys() == {0, 2}
    assert second.notices[0][0].message.endswith("its largest probability, 0.7999, is below 0.8")
    assert second.notices[0][0].feature is None
    assert (second.overrides, second.hits) == ({}, {(LOW, GuardAction.FLAG): 2})


def test_a_low_confidence_refusal_names_the_rows() -> None:
    policy = confident(0.8, REFUSE)
    found = unsure(policy, scored(0.9, 0.9, 0.7, 0.6))
    with pytest.raises(LowConfidenceError) as refused:
        ruling(policy, found, range(1, 4), shape=Shape.ROWS)
    assert [error.pointer for error in refused.value.errors] == ["/rows/1", "/rows/2"]
    assert refused.value.detail == (
        "Row 1: the model is not sure enough: its largest probability, 0.7, is below 0.8 "
        "(and 1 more: see errors)"
    )
    assert refused.value.code == "low_confidence"
    assert refused.value.hits == {(LOW, GuardAction.REFUSE): 2}


def test_a_single_row_is_refused_without_a_number() -> None:
    policy = confident(0.8, REFUSE)
    with pytest.raises(LowConfidenceError) as refused:
        ruling(policy, unsure(policy, scored(0.5)), range(1))
    assert refused.value.detail.startswith("the model is not sure enough: its largest")
    assert refused.value.errors[0].pointer == ""


def test_an_input_rules_answer_goes_before_that_on_confidence() -> None:
    policy = confident(0.8, override(0), out=override(1))
    draft = PLAN.read([{**GOOD, "age": 17}, GOOD], policy, Shape.ROWS)
    told = ruling(policy, unsure(policy, scored(0.5, 0.6)), range(2), draft, Shape.ROWS)
    assert told.overrides == {0: 1, 1: 0}
    assert [notice.code for notice in told.notices[0]] == ["out_of_range", "low_confidence"]
    assert told.notices[1][0].message.endswith("; a rule answered instead")
    assert told.hits == {(OUT, GuardAction.OVERRIDE): 1, (LOW, GuardAction.OVERRIDE): 2}
    assert draft.overrides == {0: 1}


def test_a_low_confidence_refusal_goes_before_an_override() -> None:
    policy = confident(0.8, REFUSE, out=override(1))
    draft = PLAN.read([{**GOOD, "age": 17}], policy)
    with pytest.raises(LowConfidenceError):
        ruling(policy, unsure(policy, scored(0.5)), range(1), draft)


def test_what_was_said_at_reading_stands_when_the_model_is_sure() -> None:
    policy = confident(0.8, REFUSE, out=override(1))
    draft = PLAN.read([{**GOOD, "age": 17}], policy)
    assert ruling(policy, {}, range(1), draft) == Ruling(draft.notices, {0: 1}, draft.hits)


@given(st.lists(st.floats(0.5, 1.0), min_size=1, max_size=20), st.floats(0.5, 1.0))
def test_exactly_the_answers_below_the_threshold_are_caught(
    largest: list[float], below: float
) -> None:
    found = unsure(confident(below, FLAG), scored(*largest))
    assert found == {row: value for row, value in enumerate(largest) if value < below}


@pytest.mark.anyio
async def test_a_policy_holds_from_the_release_that_brings_it() -> None:
    metrics = ServingMetrics(CollectorRegistry())
    serving = Serving(keys=KeyRing, log=ListLog(), metrics=metrics, limits=Limits(5, 1.0, 1, 1))
    releases = Releases(serving, RuleLibrary(), metrics, "here:1")
    first = deployment([ruled(1)], name="a", release=1, main=1)
    odd = dict.fromkeys(FLOWERS.names, 99.0)
    await releases.take_up(Snapshot(sequence=1, deployments=(first,)))
    with pytest.raises(InvalidRowsError):
        await serving.predict("a", [odd], key=None)
    second = first.model_copy(update={"release": 2, "policy": inputs(FLAG)})
    await releases.take_up(Snapshot(sequence=2, deployments=(second,)))
    (answer,) = await serving.predict("a", [odd], key=None)
    assert {notice.code for notice in answer.notices} == {"out_of_range"}
    third = first.model_copy(update={"release": 3})
    await releases.take_up(Snapshot(sequence=3, deployments=(third,)))
    with pytest.raises(InvalidRowsError):
        await serving.predict("a", [odd], key=None)
