"""The review of a version that is an ONNX model: all but what needs an estimator."""

from pathlib import Path

from examples.credit.signature import SIGNATURE
from tests.fakes.onnx_credit import credit
from tests.fakes.reviewing import review_of, subject_of


def test_a_whole_review_of_an_onnx_version_beside_a_skops_main(tmp_path: Path) -> None:
    found = credit()
    reference, evaluation = found.reference.head(800), found.evaluation.head(800)
    subject = subject_of(
        tmp_path,
        found.content,
        SIGNATURE,
        reference,
        evaluation,
        main=found.model,
        protected=["home_ownership"],
        seconds=600.0,
    )
    assert subject.estimator is None
    review = review_of(subject)
    reasons = {left.part: left.reason for left in review.left_out}
    assert reasons.keys() == {"learning curve", "time split", "shap"}
    assert "no recipe that could be fitted anew" in reasons["learning curve"]
    assert review.results is not None
    assert review.fairness is not None
    assert review.explanations is not None
    assert review.explanations.importances
    assert review.monitor is not None
    assert [cost.runner for cost in review.cost] == ["onnx"]


def test_a_skops_version_is_held_against_an_onnx_main(tmp_path: Path) -> None:
    found = credit()
    reference, evaluation = found.reference.head(500), found.evaluation.head(500)
    subject = subject_of(
        tmp_path, found.model, SIGNATURE, reference, evaluation, main=found.content
    )
    assert subject.main is not None
    rows = subject.held.rows.at(subject.held.usable)
    assert subject.main.score(rows).values.tolist() == subject.runner.score(rows).values.tolist()
