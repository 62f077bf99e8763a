"""Which ways of judging make sense for which signature, and how those of before are read."""

import pytest
from pydantic import TypeAdapter

from services.registry.domain.errors import InvalidPolicyError
from services.registry.domain.judging import misjudged
from services.registry.domain.policies import require_applicable
from understudy.contracts.judging import (
    DEFAULT_JUDGING,
    ComparisonTerms,
    DriftTerms,
    GuardRails,
    Judging,
)
from understudy.contracts.policy import GuardRule, Policy
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import (
    DriftStrata,
    Durability,
    FeatureKind,
    GuardAction,
    LossName,
    Task,
)

FEATURES = (Feature("age", FeatureKind.INTEGER, minimum=18), Feature("sex", FeatureKind.BOOLEAN))
CLASSIFIER = Signature(FEATURES, Target("risk", Task.CLASSIFICATION, ("no", "yes")))
REGRESSOR = Signature(FEATURES, Target("price", Task.REGRESSION))


def judging(
    comparison: ComparisonTerms | None = None,
    rails: GuardRails | None = None,
    drift: DriftTerms | None = None,
) -> Policy:
    terms = comparison or ComparisonTerms()
    return Policy(judging=Judging(terms, rails or GuardRails(), drift=drift or DriftTerms()))


@pytest.mark.parametrize(
    ("policy", "signature"),
    [
        (judging(), CLASSIFIER),
        (judging(), REGRESSOR),
        (judging(ComparisonTerms(LossName.BRIER, clip=1.0, margin=0.5)), CLASSIFIER),
        (judging(ComparisonTerms(LossName.LOG_LOSS, clip=4.0)), CLASSIFIER),
        (judging(ComparisonTerms(LossName.SQUARED, clip=900.0, margin=10)), REGRESSOR),
        (judging(ComparisonTerms(margin=10)), REGRESSOR),
        (judging(rails=GuardRails(protected="gender")), CLASSIFIER),
        (judging(rails=GuardRails(risk_tolerance=0.2)), CLASSIFIER),
        (judging(rails=GuardRails(risk_tolerance=7.0)), REGRESSOR),
        (judging(drift=DriftTerms(strata=DriftStrata.HOUR_OF_WEEK, entity="age")), CLASSIFIER),
    ],
)
def test_what_can_apply_is_taken(policy: Policy, signature: Signature) -> None:
    require_applicable(policy, signature, timed=True)
    assert not [*misjudged(policy.judging, signature, timed=True)]


@pytest.mark.parametrize(
    ("policy", "signature", "pointer", "words"),
    [
        (
            *(judging(ComparisonTerms(LossName.BRIER)), REGRESSOR),
            *("comparison/loss", "take one of absolute, squared"),
        ),
        (
            *(judging(ComparisonTerms(LossName.SQUARED)), CLASSIFIER),
            *("comparison/loss", "take one of brier, log_loss, zero_one"),
        ),
        (judging(ComparisonTerms(clip=1.1)), CLASSIFIER, "comparison/clip", "more than 1"),
        (
            *(judging(ComparisonTerms(LossName.LOG_LOSS, clip=5)), CLASSIFIER),
            *("comparison/clip", "more than 4"),
        ),
        (
            *(judging(ComparisonTerms(margin=0.5)), CLASSIFIER),
            *("comparison/margin", "below the clip of 0.5"),
        ),
        (
            *(judging(ComparisonTerms(clip=2, margin=2)), REGRESSOR),
            *("comparison/margin", "below the clip of 2"),
        ),
        (
            *(judging(rails=GuardRails(protected="gender")), REGRESSOR),
            *("rails/protected", "a regression selects nobody"),
        ),
        (
            *(judging(rails=GuardRails(protected="sex")), CLASSIFIER),
            *("rails/protected", "'sex' is a feature"),
        ),
        (
            *(judging(rails=GuardRails(risk_tolerance=1)), CLASSIFIER),
            *("rails/risk_tolerance", "never be exceeded"),
        ),
        (
            *(judging(drift=DriftTerms(entity="customer")), CLASSIFIER),
            *("drift/entity", "'customer' is no feature"),
        ),
        (
            *(judging(drift=DriftTerms(strata=DriftStrata.HOUR_OF_DAY)), CLASSIFIER),
            *("drift/strata", "without a time column"),
        ),
    ],
)
def test_what_never_could_is_refused_by_its_member(
    policy: Policy, signature: Signature, pointer: str, words: str
) -> None:
    with pytest.raises(InvalidPolicyError, match=words) as refused:
        require_applicable(policy, signature, timed=False)
    (error,) = refused.value.errors
    assert error.pointer == f"/policy/judging/{pointer}"


def test_policies_of_former_releases_are_judged_by_the_defaults() -> None:
    stored: dict[str, object] = {
        "durability": "relaxed",
        "types": "strict",
        "guards": {
            "out_of_range": {"action": "flag", "answer": None},
            "unseen_category": {"action": "refuse", "answer": None},
            "low_confidence": None,
        },
    }
    found = TypeAdapter(Policy).validate_python(stored)
    assert found.durability is Durability.RELAXED
    assert found.guards.out_of_range == GuardRule(GuardAction.FLAG)
    assert found.judging == DEFAULT_JUDGING
    assert TypeAdapter(Policy).validate_python({}) == Policy()
