"""Rules about scores: of the whole sample here, by parts of it in `scores_parts`.

`benchmarks/simulations/review_scores.py` measures how often each warns for nothing and how often it
finds what it is for. All of them suppose that rows are independent; where many rows belong to one
customer, intervals are too narrow and they warn more often.
"""

from collections.abc import Iterator
from typing import Final

from services.registry.domain.findings.scores_calibration import miscalibrated
from services.registry.domain.findings.scores_metrics import (
    deciding_metric,
    metric,
    said,
    title_of,
)
from services.registry.domain.findings.scores_parts import time_split_drop, weak_slice
from understudy.contracts.reviews import Finding, Metric, Results, Review
from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import BaselineSample, FindingCode, Severity, Task

SUSPICIOUS: Final = 0.90
NEAR_PERFECT: Final = 0.995
NEAR_PERFECT_R2: Final = 0.999
ENOUGH_ROWS: Final = 200
"""With fewer, a model that is not clearly better than the dummy has not been tried enough."""
_LEAST_ROWS: Final = 50
MARGINS: Final = {"roc_auc": 0.005, "accuracy": 0.005}
RMSE_MARGIN: Final = 0.01
"""Of the main's rmse."""


def found(review: Review, signature: Signature) -> Iterator[Finding]:
    """What there is to find."""
    results = review.results
    if results is None:
        return
    task = review.task
    occurring = _occurring(results, signature)
    perfect = [*_near_perfect(results, task)] if occurring != 1 else []
    yield from perfect or _suspicious(results, task)
    if occurring != 1:
        yield from _not_better_than_dummy(results, task, occurring)
    yield from _worse_than_main(results)
    yield from miscalibrated(results)
    yield from weak_slice(results, task)
    yield from time_split_drop(results)


def _near_perfect(results: Results, task: Task) -> Iterator[Finding]:
    """A score that no honest problem gives: the label, or something that follows it, is a feature.

    Formula: the lower end of the 95 % interval is above 0.995 (area under the ROC curve, by
    Newcombe's method 5, of several classes with the rarest one's rows; without probabilities the
    balanced accuracy, by Wilson) or above 0.999 (r2, by bootstrap, of at least 50 rows). A perfect
    score of few rows has a low lower end: two equal classes need 385 rows each.
    Source: S. Kapoor & A. Narayanan, "Leakage and the reproducibility crisis in machine-learning-
    based science", Patterns 4, 2023; Newcombe, Statistics in Medicine 25, 2006.
    Guarantee: a true score at the threshold blocks in at most 2.5 % of samples. On rows that the
    model was trained on nothing is concluded: there many honest models are perfect.
    """
    if results.sample is BaselineSample.REFERENCE:
        return
    measured, threshold = _closeness(results, task)
    if measured is None or measured.model.low is None or measured.model.low <= threshold:
        return
    if task is Task.REGRESSION and results.rows < _LEAST_ROWS:
        return
    yield Finding(
        code=FindingCode.NEAR_PERFECT_SCORE,
        severity=Severity.BLOCK,
        title="Too good to be true",
        detail=f"{title_of(measured.name)} is {said(measured.model)} on {results.rows} rows that "
        "the model was not trained on, beyond what honest problems allow. Most often a feature is "
        "the label under another name, is only known after it, or evaluation rows were trained on. "
        "Look at the most important features and at when each becomes known; take out what a "
        "caller can't know at the time of asking, and train anew.",
        figure=measured.model,
        threshold=threshold,
    )


def _suspicious(results: Results, task: Task) -> Iterator[Finding]:
    """An area under the ROC curve above 0.90: rarer than leaks where people are predicted.

    Formula: the figure itself is above 0.90; nothing but a look is asked for.
    Source: the rule of thumb of this product's own review gate.
    Guarantee: none; many honest problems, such as reading digits, are easier than that.
    """
    measured = metric(results, "roc_auc")
    if task is not Task.CLASSIFICATION or measured is None or measured.model.value <= SUSPICIOUS:
        return
    where = (
        "on rows that the model was not trained on. Make sure that no feature holds what is only "
        "known after the label"
        if results.sample is BaselineSample.EVALUATION
        else "but on rows that the model was trained on, which says little: register an evaluation "
        "sample"
    )
    yield Finding(
        code=FindingCode.SUSPICIOUS_SCORE,
        severity=Severity.LOOK,
        title="A very good score",
        detail=f"{title_of(measured.name)} is {said(measured.model)} {where}.",
        figure=measured.model,
        threshold=SUSPICIOUS,
    )


def _not_better_than_dummy(results: Results, task: Task, occurring: int) -> Iterator[Finding]:
    """Answers that are no better than those of somebody who never sees a row.

    Formula: the lower end of the 95 % interval is not above chance: an area under the ROC curve of
    0.5, without probabilities a balanced accuracy of 1/classes that occur, an r2 of 0. Not the
    accuracy: where a class is rare, a useful model has less of it than who always answers the
    other one.
    Source: the definition of a baseline; as scikit-learn's DummyClassifier and DummyRegressor.
    Guarantee: a useless model is found in 97.5 % of samples. A warning needs 200 rows and an upper
    end within 0.1 of chance, so that a model that is truly so much better is warned of in at most
    2.5 % of samples; else it is worth a look.
    """
    measured, _ = _closeness(results, task)
    if measured is None:
        return
    chance = {"roc_auc": 0.5, "r2": 0.0}.get(measured.name, 1 / max(occurring, 1))
    low, high = measured.model.low, measured.model.high
    if low is not None and low > chance:
        return
    enough = results.rows >= ENOUGH_ROWS and high is not None and high < chance + 0.1
    yield Finding(
        code=FindingCode.NOT_BETTER_THAN_DUMMY,
        severity=Severity.WARN if enough else Severity.LOOK,
        title="Not clearly better than guessing",
        detail=f"{title_of(measured.name)} is {said(measured.model)} on {results.rows} rows; "
        f"who answers without looking at the row has {chance:.3g}. "
        + (
            "The features say nothing about the label, or the labels are wrong."
            if enough
            else "There are too few rows to tell whether it is any better: evaluate it on more."
        ),
        figure=measured.model,
        threshold=chance,
    )


def _worse_than_main(results: Results) -> Iterator[Finding]:
    """The version that answers now is better on these rows.

    Formula: the whole 95 % interval of the gain, paired by row, is below a margin: -0.005 of the
    area under the ROC curve (DeLong's variance) or of accuracy, -1 % of the main's rmse (by
    bootstrap).
    Source: DeLong, DeLong & Clarke-Pearson, Biometrics 44, 1988; Efron & Tibshirani, 1993.
    Guarantee: an equal version is warned of in at most 2.5 % of samples, fewer thanks to the
    margin. A main that was trained on these rows is flattered by them.
    """
    measured = deciding_metric(results)
    if measured is None or measured.gain is None or measured.main is None:
        return
    margin = MARGINS.get(measured.name, RMSE_MARGIN * measured.main.value)
    high = measured.gain.high
    if high is None or high >= -margin:
        return
    yield Finding(
        code=FindingCode.WORSE_THAN_MAIN,
        severity=Severity.WARN,
        title="Worse than the version that answers now",
        detail=f"On the same rows {title_of(measured.name)} is {measured.main.value:.4g} for "
        f"version {results.main}, the main one now; this version differs by "
        f"{said(measured.gain)}, negative is worse. Keep the main, or make sure that it "
        "was not trained on these rows.",
        figure=measured.gain,
        threshold=-margin,
    )


def _occurring(results: Results, signature: Signature) -> int:
    """Classes of which the sample has rows; 0 for a regression."""
    return sum(any(row) for row in results.confusion) or len(signature.target.classes)


def _closeness(results: Results, task: Task) -> tuple[Metric | None, float]:
    """The metric whose best value is 1, and from where it is near perfect."""
    if task is Task.REGRESSION:
        return metric(results, "r2"), NEAR_PERFECT_R2
    name = "roc_auc" if results.deciding == "roc_auc" else "balanced_accuracy"
    return metric(results, name), NEAR_PERFECT
