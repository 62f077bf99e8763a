"""Which policies make sense for which signature."""

import math
from dataclasses import replace

import pytest

from services.registry.domain.errors import InvalidPolicyError
from services.registry.domain.policies import require_applicable
from understudy.contracts.policy import ConfidenceRule, GuardRule, Guards, Policy
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import (
    Durability,
    FeatureKind,
    GuardAction,
    Label,
    Task,
    TypePolicy,
)

FLAG = GuardRule(GuardAction.FLAG)
REFUSE = GuardRule(GuardAction.REFUSE)
NO: Label = False
YES: Label = True
CLASSIFIER = Signature(
    (
        Feature("age", FeatureKind.INTEGER, minimum=18),
        Feature("town", FeatureKind.CATEGORY, choices=("Ulm", "Bonn")),
    ),
    Target("risk", Task.CLASSIFICATION, ("no", "yes")),
)
REGRESSOR = replace(CLASSIFIER, target=Target("price", Task.REGRESSION))
BARE = Signature(
    (
        Feature("age", FeatureKind.INTEGER),
        Feature("town", FeatureKind.CATEGORY, choices=("Ulm",), open_choices=True),
    ),
    CLASSIFIER.target,
)


def override(answer: Label) -> GuardRule:
    return GuardRule(GuardAction.OVERRIDE, answer)


def low(below: float, rule: GuardRule = FLAG) -> Guards:
    return Guards(low_confidence=ConfidenceRule(below, rule))


def classes(*labels: Label) -> Signature:
    return replace(CLASSIFIER, target=Target("risk", Task.CLASSIFICATION, labels))


@pytest.mark.parametrize(
    ("policy", "signature"),
    [
        (Policy(), CLASSIFIER),
        (Policy(), BARE),
        (Policy(Durability.RELAXED, TypePolicy.BEST_EFFORT), REGRESSOR),
        (Policy(guards=Guards(FLAG, override("yes"))), CLASSIFIER),
        (Policy(guards=Guards(override(0), override(-1.5))), REGRESSOR),
        (Policy(guards=low(0.6, override("no"))), CLASSIFIER),
        (Policy(guards=low(0.51)), BARE),
        (Policy(guards=Guards(override(YES))), classes(NO, YES)),
        (Policy(guards=Guards(override(2))), classes(1, 2)),
    ],
)
def test_what_can_apply_is_taken(policy: Policy, signature: Signature) -> None:
    require_applicable(policy, signature)


@pytest.mark.parametrize(
    ("guards", "signature", "pointer", "words"),
    [
        (Guards(FLAG), BARE, "/out_of_range", "no feature has a minimum"),
        (Guards(REFUSE, FLAG), BARE, "/unseen_category", "closed choices"),
        (low(0.9), REGRESSOR, "/low_confidence", "answers numbers"),
        (low(0.5), CLASSIFIER, "/low_confidence/below", "never below 0.5"),
        (low(0.3), classes(1, 2, 3), "/low_confidence/below", "never below 0.333333"),
        (Guards(override("maybe")), CLASSIFIER, "/out_of_range/answer", "'no', 'yes'"),
        (
            Guards(REFUSE, override("maybe")),
            CLASSIFIER,
            "/unseen_category/answer",
            "can't answer 'maybe'",
        ),
        (low(0.9, override(1)), CLASSIFIER, "/low_confidence/rule/answer", "'no', 'yes'"),
        (Guards(override(1)), classes(NO, YES), "/out_of_range/answer", "False, True"),
        (Guards(override(YES)), classes(0, 1), "/out_of_range/answer", "0, 1"),
        (Guards(override(1.0)), classes(0, 1), "/out_of_range/answer", "0, 1"),
        (Guards(override("high")), REGRESSOR, "/out_of_range/answer", "a finite number"),
        (Guards(override(YES)), REGRESSOR, "/out_of_range/answer", "a finite number"),
        (Guards(override(math.inf)), REGRESSOR, "/out_of_range/answer", "a finite number"),
    ],
)
def test_what_never_could_is_refused_by_its_member(
    guards: Guards, signature: Signature, pointer: str, words: str
) -> None:
    with pytest.raises(InvalidPolicyError, match=words) as refused:
        require_applicable(Policy(guards=guards), signature)
    (error,) = refused.value.errors
    assert error.pointer == f"/policy/guards{pointer}"


def test_all_that_is_wrong_is_told_at_once() -> None:
    guards = Guards(override("a"), override("b"), ConfidenceRule(0.1, override("c")))
    with pytest.raises(InvalidPolicyError) as refused:
        require_applicable(Policy(guards=guards), CLASSIFIER)
    assert len(refused.value.errors) == 4
