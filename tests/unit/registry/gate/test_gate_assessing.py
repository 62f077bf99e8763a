"""The gate is open when nothing stands in the way; what stands there says what would remove it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.registry.domain.gate import Facts, assess, named, require_leave
from services.registry.domain.gate_refusals import (
    GateClosedError,
    OverrideRefusedError,
    ReasonTooShortError,
)
from services.registry.domain.reviews import Answers
from services.registry.domain.versions import Lineage
from tests.fakes.gate_facts import ANN, AUC, DULL, LEAK, PENDING, facts, review
from tests.fakes.registry import NOON
from understudy.contracts.gate import DEFAULT, GatePolicy, MetricDemand, Override
from understudy.contracts.vocabulary import (
    Decision,
    FindingCode,
    MemberRole,
    Question,
    ReviewState,
    Severity,
)

OBJECTIVE = Answers({Question.OBJECTIVE: "Fewer losses."}, NOON, ANN)
BLANK = Answers({Question.OBJECTIVE: "  "}, NOON, ANN)


def trained(days: float | None) -> Facts:
    at = None if days is None else NOON - timedelta(days=days)
    draft = replace(PENDING.draft, lineage=Lineage(trained_at=at))
    return replace(facts(), version=replace(PENDING, draft=draft))


def unreviewed(state: ReviewState, failure: str = "") -> Facts:
    return replace(facts(), review=None, opening=None, metrics=(), state=state, failure=failure)


def held(policy: GatePolicy, seen: Facts) -> tuple[str, ...]:
    return named(assess(policy, 1, seen).obstacles)


def demand(**bounds: Any) -> GatePolicy:
    return GatePolicy(metrics={"roc_auc": MetricDemand(**bounds)})


@pytest.mark.parametrize("policy", [DEFAULT, GatePolicy(second_person=True, review_days=1)])
def test_what_was_reviewed_and_opened_may_be_deployed(policy: GatePolicy) -> None:
    found = assess(policy, 4, facts(DULL))
    assert found.open
    assert found.policy == 4
    assert found.findings == (DULL,)


@pytest.mark.parametrize(
    ("state", "failure", "remedy"),
    [
        (ReviewState.MISSING, "", "There is no review yet. Make it: understudy review credit 3"),
        (ReviewState.RUNNING, "", "understudy review credit 3 --wait"),
        (ReviewState.FAILED, "Out of time.", "Out of time. Make it anew: understudy review"),
    ],
)
def test_without_a_review_the_remedy_is_told(state: ReviewState, failure: str, remedy: str) -> None:
    (obstacle,) = assess(DEFAULT, 0, unreviewed(state, failure)).obstacles
    assert remedy in obstacle.detail
    assert assess(GatePolicy(review=False), 0, unreviewed(state, failure)).open


def test_whoever_has_not_opened_the_review_is_sent_there() -> None:
    unseen = replace(facts(), opening=None)
    (obstacle,) = assess(DEFAULT, 0, unseen).obstacles
    assert obstacle.detail == ("Open the review first: understudy review credit 3, or its page.")
    assert assess(GatePolicy(review=False), 0, unseen).open


@pytest.mark.parametrize(
    ("policy", "seen", "obstacles"),
    [
        (GatePolicy(review_days=7), replace(facts(), now=NOON + timedelta(days=7)), ()),
        (
            GatePolicy(review_days=7),
            replace(facts(), now=NOON + timedelta(days=7, seconds=1)),
            ("review_stale:review 1",),
        ),
        (GatePolicy(training_days=30), trained(29), ()),
        (GatePolicy(training_days=30), trained(31), ("training_stale:trained_at",)),
        (GatePolicy(training_days=30), trained(None), ("training_stale:trained_at",)),
        (GatePolicy(second_person=True), replace(facts(), decider=ANN), (f"same_person:{ANN}",)),
        (DEFAULT, replace(facts(), decider=ANN), ()),
        (GatePolicy(signed=True), facts(), ("unsigned:artifact",)),
        (GatePolicy(signed=True), replace(facts(), attested=True), ()),
        (GatePolicy(questions=(Question.OBJECTIVE,)), facts(), ("question:objective",)),
        (
            GatePolicy(questions=(Question.OBJECTIVE,)),
            replace(facts(), answers=BLANK),
            ("question:objective",),
        ),
        (GatePolicy(questions=(Question.OBJECTIVE,)), replace(facts(), answers=OBJECTIVE), ()),
        (DEFAULT, facts(LEAK, DULL), ("finding:near_perfect_score",)),
        (GatePolicy(findings={LEAK.code: Severity.WARN}), facts(LEAK), ()),
        (
            GatePolicy(findings={DULL.code: Severity.BLOCK}),
            facts(DULL, LEAK),
            ("finding:irrelevant_feature", "finding:near_perfect_score"),
        ),
        (GatePolicy(review=False), facts(LEAK), ()),
    ],
)
def test_each_demand_is_held_against_the_version(
    policy: GatePolicy, seen: Facts, obstacles: tuple[str, ...]
) -> None:
    assert held(policy, seen) == obstacles


@pytest.mark.parametrize(
    ("bounds", "met"),
    [
        ({"at_least": 0.80}, True),
        ({"at_least": 0.81}, False),
        ({"at_least": 0.76, "certain": True}, True),
        ({"at_least": 0.77, "certain": True}, False),
        ({"at_most": 0.84, "certain": True}, True),
        ({"at_most": 0.83, "certain": True}, False),
        ({"at_most": 0.79}, False),
        ({"better_than_dummy_by": 0.30}, True),
        ({"better_than_dummy_by": 0.31}, False),
        ({"better_than_dummy_by": 0.27, "certain": True}, False),
        ({"worse_than_main_by_at_most": 0.01}, True),
        ({"worse_than_main_by_at_most": 0.0}, False),
        ({"worse_than_main_by_at_most": 0.02, "certain": True}, False),
        ({"worse_than_main_by_at_most": 0.03, "certain": True}, True),
    ],
)
def test_a_figure_is_held_against_its_bounds(bounds: Mapping[str, Any], *, met: bool) -> None:
    assert held(demand(**bounds), facts()) == (() if met else ("metric:roc_auc",))


@pytest.mark.parametrize(
    ("wanted", "met"),
    [({"better_than_dummy_by": 1.0}, True), ({"better_than_dummy_by": 1.1}, False)],
)
def test_less_is_better_of_an_error(wanted: Mapping[str, Any], *, met: bool) -> None:
    policy = GatePolicy(metrics={"rmse": MetricDemand(**wanted)})
    assert assess(policy, 1, facts()).open is met


def test_what_was_not_measured_reaches_nothing() -> None:
    bare = replace(AUC, model=replace(AUC.model, low=None, high=None), dummy=None, gain=None)
    for bounds in (
        {"at_least": 0.1, "certain": True},
        {"better_than_dummy_by": 0.0},
        {"worse_than_main_by_at_most": 1.0},
    ):
        assert held(demand(**bounds), replace(facts(), metrics=(bare,))) == ("metric:roc_auc",)
    assert held(demand(at_least=0.1), replace(facts(), metrics=())) == ("metric:roc_auc",)
    broken = replace(AUC, model=replace(AUC.model, value=float("nan")))
    assert held(demand(at_least=0.1), replace(facts(), metrics=(broken,))) == ("metric:roc_auc",)


def test_nothing_is_worse_than_no_main() -> None:
    alone = replace(
        facts(), metrics=(replace(AUC, main=None, gain=None),), review=review(main=None)
    )
    assert held(demand(worse_than_main_by_at_most=0.0), alone) == ()


@pytest.mark.parametrize("decision", [Decision.DEPLOY, Decision.PERSIST])
def test_a_closed_gate_names_every_obstacle(decision: Decision) -> None:
    policy = GatePolicy(training_days=1)
    found = assess(policy, 1, facts(LEAK))
    with pytest.raises(GateClosedError, match="closed for credit/3") as refused:
        require_leave("credit/3", policy, found, decision, override=False, reason="")
    assert [error.pointer for error in refused.value.errors] == ["/decision", "/decision"]


def test_ignoring_needs_only_to_have_looked() -> None:
    wanted: dict[str, Any] = {"override": False, "reason": ""}
    leaky = assess(GatePolicy(training_days=1), 1, facts(LEAK))
    assert require_leave("credit/3", DEFAULT, leaky, Decision.IGNORE, **wanted) == ()
    unseen = assess(DEFAULT, 1, replace(facts(LEAK), opening=None))
    with pytest.raises(GateClosedError, match="Open the review first"):
        require_leave("credit/3", DEFAULT, unseen, Decision.IGNORE, **wanted)
    none = assess(DEFAULT, 1, unreviewed(ReviewState.MISSING))
    assert require_leave("credit/3", DEFAULT, none, Decision.IGNORE, **wanted) == ()


def test_an_override_needs_the_role_and_a_reason() -> None:
    policy = GatePolicy(override=Override((MemberRole.APPROVER,)))
    wanted: dict[str, Any] = {"override": True, "reason": "the regulator asked for it"}
    outsider = assess(policy, 1, facts(LEAK))
    with pytest.raises(OverrideRefusedError, match="only the role approver"):
        require_leave("credit/3", policy, outsider, Decision.DEPLOY, **wanted)
    approver = assess(policy, 1, replace(facts(LEAK), roles=frozenset({MemberRole.APPROVER})))
    with pytest.raises(ReasonTooShortError, match="at least 10 letters and digits"):
        require_leave(
            "credit/3", policy, approver, Decision.DEPLOY, override=True, reason="   because   "
        )
    obstacles = require_leave("credit/3", policy, approver, Decision.DEPLOY, **wanted)
    assert named(obstacles) == ("finding:near_perfect_score",)
    nobody = GatePolicy(override=Override(()))
    with pytest.raises(OverrideRefusedError, match="nobody may decide"):
        require_leave("credit/3", nobody, assess(nobody, 1, facts(LEAK)), Decision.DEPLOY, **wanted)


def test_findings_take_the_policys_severity_and_blocks_come_first() -> None:
    policy = GatePolicy(findings={DULL.code: Severity.BLOCK, LEAK.code: Severity.LOOK})
    found = assess(policy, 1, facts(LEAK, DULL)).findings
    assert [(each.code, each.severity) for each in found] == [
        (FindingCode.IRRELEVANT_FEATURE, Severity.BLOCK),
        (FindingCode.NEAR_PERFECT_SCORE, Severity.LOOK),
    ]


def test_nobody_is_told_to_do_what_they_may_not() -> None:
    policy = GatePolicy(questions=(Question.OBJECTIVE,))
    unreviewed = replace(facts(), review=None, state=ReviewState.MISSING, answers=None)
    found = assess(policy, 1, replace(unreviewed, prepares=False)).obstacles
    assert len(found) == 2
    for each in found:
        assert "ask who registers or reviews versions" in each.detail
        assert "understudy" not in each.detail
    for each in assess(policy, 1, unreviewed).obstacles:
        assert "understudy" in each.detail
