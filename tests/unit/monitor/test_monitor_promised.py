"""What a version was worth on its baseline, beside scikit-learn's figures."""

import numpy as np
import pytest
from sklearn import metrics

from services.monitor.domain.outcomes.baseline import Baseline
from services.monitor.domain.outcomes.promised import promised_quality
from understudy.contracts.vocabulary import BaselineSample

RNG = np.random.default_rng(4)
TRUTH = RNG.integers(0, 2, 400).astype(float)
CHANCES = np.clip(0.25 + 0.5 * TRUTH + RNG.normal(0, 0.25, 400), 0.01, 0.99)


def baseline(sample: BaselineSample = BaselineSample.EVALUATION) -> Baseline:
    return Baseline(
        sample=sample,
        values=(CHANCES > 0.5).astype(float),
        probabilities=np.stack([1 - CHANCES, CHANCES], axis=1),
        labels=np.where(np.arange(400) < 350, TRUTH, np.nan),
        classes=2,
        names=("no", "yes"),
    )


def test_a_classifier_on_its_labelled_rows() -> None:
    found = promised_quality(baseline(), 1.0)
    truth, chances = TRUTH[:350], CHANCES[:350]
    assert found["accuracy"].value == pytest.approx(
        metrics.accuracy_score(truth, chances > 0.5), abs=1e-9
    )
    assert found["brier"].value == pytest.approx(metrics.brier_score_loss(truth, chances), abs=1e-6)
    assert found["roc_auc"].value == pytest.approx(metrics.roc_auc_score(truth, chances), abs=0.01)


def test_a_regression_in_the_units_of_its_target() -> None:
    labels = RNG.normal(500.0, 80.0, 300)
    answers = labels + RNG.normal(5.0, 20.0, 300)
    answers[:7] = np.nan
    held = Baseline(BaselineSample.EVALUATION, answers, None, labels)
    found = promised_quality(held, 80.0)
    assert found["mae"].value == pytest.approx(
        metrics.mean_absolute_error(labels[7:], answers[7:]), rel=1e-4
    )
    assert found["r2"].value == pytest.approx(metrics.r2_score(labels[7:], answers[7:]), abs=1e-4)


def test_training_rows_promise_nothing() -> None:
    assert promised_quality(baseline(BaselineSample.REFERENCE), 1.0) == {}
