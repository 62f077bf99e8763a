"""What a gate looks at: by default all is well with a review that ann made and bob opened."""

from dataclasses import replace
from datetime import timedelta

from services.registry.domain.gate import Facts
from services.registry.domain.reviews import Attempt, Made, Opening
from services.registry.domain.versions import Version
from tests.fakes.registry import NOON, draft
from understudy.contracts.reviews import Estimate, Finding, Metric
from understudy.contracts.vocabulary import FindingCode, ReviewState, Severity

ANN = "user:ann"
BOB = "user:bob"

AUC = Metric(
    "roc_auc",
    higher_is_better=True,
    model=Estimate(0.80, 0.76, 0.84),
    dummy=Estimate(0.5),
    main=Estimate(0.81),
    gain=Estimate(-0.01, -0.03, 0.01),
)
RMSE = Metric("rmse", higher_is_better=False, model=Estimate(2.0, 1.8, 2.3), dummy=Estimate(3.0))
LEAK = Finding(
    FindingCode.NEAR_PERFECT_SCORE,
    Severity.BLOCK,
    "Too good to be true",
    "The AUC is 0.999; look for a feature that knows the label.",
)
DULL = Finding(
    FindingCode.IRRELEVANT_FEATURE, Severity.LOOK, "A feature tells nothing", "Leave 'zip' out."
)
PENDING = Version(3, replace(draft(), created_by=ANN))


def review(*findings: Finding, number: int = 1, main: int | None = 2) -> Attempt:
    made = Made("c" * 64, NOON, findings, main)
    return Attempt("credit", 3, number, "job-1", NOON, ANN, made)


def facts(*findings: Finding) -> Facts:
    return Facts(
        version=PENDING,
        state=ReviewState.MADE,
        failure="",
        review=review(*findings),
        metrics=(AUC, RMSE),
        opening=Opening(1, BOB, NOON + timedelta(minutes=5)),
        answers=None,
        attested=False,
        author=ANN,
        decider=BOB,
        roles=frozenset(),
        now=NOON + timedelta(hours=1),
    )
