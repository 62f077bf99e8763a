"""What holds of every policy and every version."""

import contextlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registry.domain.errors import AlreadyDecidedError
from services.registry.domain.gate import Facts, assess, require_leave, standing_against
from services.registry.domain.gate_refusals import (
    GateClosedError,
    OverrideRefusedError,
    ReasonTooShortError,
)
from services.registry.domain.reviews import Answers, Opening
from services.registry.domain.versions import Lineage, decide
from tests.fakes.gate_facts import ANN, AUC, BOB, DULL, LEAK, PENDING, RMSE, facts
from tests.fakes.gate_policies import demands, policies
from tests.fakes.registry import NOON
from understudy.contracts.gate import METRICS, SHORTEST_REASON, GatePolicy
from understudy.contracts.vocabulary import (
    Decision,
    FindingCode,
    MemberRole,
    Question,
    ReviewState,
    Severity,
    VersionState,
)


@st.composite
def any_facts(draw: st.DrawFn) -> Facts:
    seen = facts(*draw(st.lists(st.sampled_from((LEAK, DULL)))))
    trained = draw(st.none() | st.just(NOON - timedelta(days=draw(st.integers(0, 400)))))
    version = replace(PENDING, draft=replace(PENDING.draft, lineage=Lineage(trained_at=trained)))
    answered = draw(st.dictionaries(st.sampled_from(Question), st.sampled_from(["", " ", "Yes."])))
    reviewed = draw(st.booleans())
    return replace(
        seen,
        version=version,
        state=ReviewState.MADE if reviewed else draw(st.sampled_from(ReviewState)),
        review=seen.review if reviewed else None,
        metrics=draw(st.sampled_from([(), (AUC,), (RMSE,), (AUC, RMSE)])) if reviewed else (),
        opening=draw(st.none() | st.just(Opening(1, BOB, NOON))) if reviewed else None,
        answers=Answers(answered, NOON, ANN),
        attested=draw(st.booleans()),
        decider=draw(st.sampled_from([ANN, BOB])),
        roles=draw(st.frozensets(st.sampled_from(MemberRole))),
        now=NOON + timedelta(days=draw(st.integers(0, 400))),
    )


@st.composite
def one_more_demand(draw: st.DrawFn, policy: GatePolicy) -> GatePolicy:
    added: list[Any] = [
        {"review": True},
        {"second_person": True},
        {"signed": True},
        {"questions": (*policy.questions, draw(st.sampled_from(Question)))},
        {"findings": {**policy.findings, draw(st.sampled_from(FindingCode)): Severity.BLOCK}},
        {"metrics": {draw(st.sampled_from(METRICS)): draw(demands()), **policy.metrics}},
        {"review_days": min(draw(st.integers(1, 400)), policy.review_days or 400)},
        {"training_days": min(draw(st.integers(1, 400)), policy.training_days or 400)},
    ]
    return replace(policy, **draw(st.sampled_from(added)))


@given(policies(), any_facts())
def test_a_gate_is_open_exactly_when_nothing_stands_in_the_way(
    policy: GatePolicy, seen: Facts
) -> None:
    found = assess(policy, 1, seen)
    assert found.open is (not found.obstacles)
    assert all(each.detail and each.subject for each in found.obstacles)


@given(st.data(), policies(), any_facts())
def test_one_more_demand_never_opens_a_gate(
    data: st.DataObject, policy: GatePolicy, seen: Facts
) -> None:
    stricter = data.draw(one_more_demand(policy))
    before, after = assess(policy, 1, seen), assess(stricter, 1, seen)
    assert before.open or not after.open
    assert {each.code for each in before.obstacles} <= {each.code for each in after.obstacles}


@given(
    policies(),
    any_facts(),
    st.sampled_from(Decision),
    st.booleans(),
    st.text(max_size=2 * SHORTEST_REASON),
)
def test_nobody_passes_a_closed_gate_without_role_and_reason(
    policy: GatePolicy, seen: Facts, decision: Decision, override: bool, reason: str
) -> None:
    found = assess(policy, 1, seen)
    standing = standing_against(found, decision)
    passed = None
    with contextlib.suppress(GateClosedError, OverrideRefusedError, ReasonTooShortError):
        passed = require_leave(
            "credit/3", policy, found, decision, override=override, reason=reason
        )
    may = override and bool(seen.roles & set(policy.override.roles))
    may = may and sum(map(str.isalnum, reason)) >= SHORTEST_REASON
    assert (passed is not None) is (not standing or may)
    assert passed in {None, standing}


@given(st.sampled_from(Decision), st.sampled_from(Decision))
def test_a_decision_is_final_and_so_is_ignoring(first: Decision, second: Decision) -> None:
    decided = decide(PENDING, first, by=BOB, at=NOON, reason="")
    assert decided.state is not VersionState.PENDING
    with pytest.raises(AlreadyDecidedError, match="final"):
        decided.require_pending()
    with pytest.raises(AlreadyDecidedError):
        decide(decided, second, by=BOB, at=NOON, reason="")
