"""Figures of a review against scikit-learn's, intervals, curves, and samples at the edge."""

import math
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier

from services.registry.adapters.inspection.overtime import OverTimeError
from services.registry.adapters.reviewing.results import results_of
from services.registry.adapters.reviewing.subject import LeftOutError, Subject
from tests.unit.registry.review_results.conftest import Make
from tests.unit.registry.review_results.frames import metric_of, numbers, two_classes
from understudy.contracts.reviews import Results
from understudy.contracts.vocabulary import BaselineSample
from understudy.inference.rows import Rows
from understudy.inference.scored import Runner, Scored


def test_two_classes_have_scikit_learn_s_figures(make: Make) -> None:
    train, held = two_classes(500, centre=-1.5), two_classes(400, seed=1, centre=-1.5)
    subject = make(LogisticRegression(), train, held)
    found = results_of(subject)
    chances = _chances(subject)[:, 1]
    truth, told = held["label"].to_numpy(), (chances > 0.5).astype(int)
    assert {one.name: one.model.value for one in found.metrics} == pytest.approx(
        {
            "roc_auc": metrics.roc_auc_score(truth, chances),
            "pr_auc": metrics.average_precision_score(truth, chances),
            "accuracy": metrics.accuracy_score(truth, told),
            "balanced_accuracy": metrics.balanced_accuracy_score(truth, told),
            "precision": metrics.precision_score(truth, told),
            "recall": metrics.recall_score(truth, told),
            "f1": metrics.f1_score(truth, told),
            "brier": metrics.brier_score_loss(truth, chances),
            "log_loss": metrics.log_loss(truth, chances),
            "ece": metric_of(found, "ece").model.value,
        }
    )
    assert (found.deciding, found.positive, found.sample) == ("roc_auc", 1, "evaluation")
    assert found.confusion == tuple(map(tuple, metrics.confusion_matrix(truth, told).tolist()))
    _sound(found)


def test_three_classes_have_scikit_learn_s_means(make: Make) -> None:
    train, held = _three(600), _three(500, seed=1)
    subject = make(RandomForestClassifier(20, random_state=0), train, held)
    found = results_of(subject)
    chances, truth = _chances(subject), held["label"].to_numpy()
    told = np.array(["a", "b", "c"])[chances.argmax(axis=1)]
    measured = {one.name: one.model.value for one in found.metrics}
    assert measured == pytest.approx(
        {
            "roc_auc": metrics.roc_auc_score(truth, chances, multi_class="ovr"),
            "accuracy": metrics.accuracy_score(truth, told),
            "balanced_accuracy": metrics.balanced_accuracy_score(truth, told),
            "precision": metrics.precision_score(truth, told, average="macro"),
            "recall": metrics.recall_score(truth, told, average="macro"),
            "f1": metrics.f1_score(truth, told, average="macro"),
            "brier": metrics.brier_score_loss(truth, chances) / 2,
            "log_loss": measured["log_loss"],
            "ece": measured["ece"],
        }
    )
    assert found.positive is None
    assert found.roc is None
    _sound(found)


def test_numbers_have_scikit_learn_s_figures(make: Make) -> None:
    train, held = numbers(300), numbers(200, seed=1)
    subject = make(LinearRegression(), train, held)
    found = results_of(subject)
    truth = held["label"].to_numpy()
    told = subject.runner.score(subject.held.rows).values  # noqa: PD011 - not of pandas
    assert {one.name: one.model.value for one in found.metrics} == pytest.approx(
        {
            "rmse": metrics.root_mean_squared_error(truth, told),
            "mae": metrics.mean_absolute_error(truth, told),
            "r2": metrics.r2_score(truth, told),
            "bias": (truth - told).mean(),
        }
    )
    rmse = metric_of(found, "rmse")
    assert rmse.dummy is not None
    assert rmse.dummy.value == pytest.approx(np.sqrt(((truth - train["label"].mean()) ** 2).mean()))
    assert found.residuals is not None
    assert sum(found.residuals.shares) == pytest.approx(1.0)
    _sound(found)


def test_the_same_review_twice_has_the_same_figures(make: Make) -> None:
    subject = make(LogisticRegression(), two_classes(300), two_classes(300, seed=1))
    assert results_of(subject) == results_of(subject)


def test_a_worse_main_is_a_gain(make: Make) -> None:
    train, held = two_classes(2_000), two_classes(2_000, seed=1)
    blind = LogisticRegression().fit(
        train[["f0", "f1", "f2", "f3"]].to_numpy() * [1, 0, 0, 0], train["label"]
    )
    subject = make(LogisticRegression(), train, held, main=blind)
    found = results_of(subject)
    assert subject.task.main is not None
    assert found.main == subject.task.main.number
    gain = metric_of(found, "roc_auc").gain
    assert gain is not None
    assert gain.low is not None
    assert gain.low > 0
    measured = metric_of(found, "roc_auc")
    assert measured.main is not None
    assert measured.model.value - measured.main.value == pytest.approx(gain.value)
    for name in ("accuracy", "log_loss", "brier", "f1"):
        better = metric_of(found, name).gain
        assert better is not None
        assert better.value > 0


def test_the_model_against_itself_gains_nothing(make: Make) -> None:
    train = two_classes(300)
    model = LogisticRegression().fit(train.drop(columns="label").to_numpy(), train["label"])
    found = results_of(make(model, train, two_classes(300, seed=1), main=model))
    assert {(one.gain.low, one.gain.high) for one in found.metrics if one.gain} == {(0.0, 0.0)}


def test_rows_that_the_main_refuses_are_left_out_for_both(make: Make) -> None:
    train, held = two_classes(300), two_classes(300, seed=1)
    held.loc[::3, "f3"] = np.nan
    takes_missing = RandomForestClassifier(10, random_state=0)
    found = results_of(make(takes_missing, train, held, main=LogisticRegression()))
    assert found.rows == 300
    accuracy = metric_of(found, "accuracy")
    assert accuracy.main is not None
    assert accuracy.gain is not None


def test_curves_are_thin_and_keep_their_ends(make: Make) -> None:
    found = results_of(make(LogisticRegression(), two_classes(500), two_classes(5_000, seed=1)))
    assert found.roc is not None
    assert len(found.roc.x) <= 200
    assert (found.roc.x[0], found.roc.y[0], found.roc.x[-1], found.roc.y[-1]) == (0, 0, 1, 1)
    area = float(np.trapezoid(found.roc.y, found.roc.x))
    assert area == pytest.approx(metric_of(found, "roc_auc").model.value, abs=0.01)
    assert found.precision_recall is not None
    assert found.precision_recall.x[-1] == 1.0
    assert sum(one.rows for one in found.calibration) == 5_000
    assert 19 <= len(found.thresholds) <= 21


def test_without_probabilities_there_is_accuracy(make: Make) -> None:
    found = results_of(make(RidgeClassifier(), two_classes(200), two_classes(200, seed=1)))
    assert found.deciding == "accuracy"
    assert {one.name for one in found.metrics} == {
        *("accuracy", "balanced_accuracy", "precision", "recall", "f1")
    }
    assert not found.calibration


def test_without_an_evaluation_sample_it_is_measured_on_the_reference(make: Make) -> None:
    found = results_of(make(LogisticRegression(), two_classes(200)))
    assert found.sample is BaselineSample.REFERENCE
    assert metric_of(found, "accuracy").reference == metric_of(found, "accuracy").model


@pytest.mark.parametrize("rows", [1, 2, 29])
def test_few_rows_have_figures_and_no_bootstrap(make: Make, rows: int) -> None:
    found = results_of(make(LogisticRegression(), two_classes(200), two_classes(rows, seed=1)))
    assert found.rows == rows
    assert metric_of(found, "log_loss").model.low is None
    _sound(found)


def test_one_class_alone_has_no_area(make: Make) -> None:
    held = two_classes(300, seed=1)
    found = results_of(make(LogisticRegression(), two_classes(200), held[held["label"] == 0]))
    assert found.deciding == "accuracy"
    assert "roc_auc" not in {one.name for one in found.metrics}
    _sound(found)


def test_constant_and_enormous_numbers_are_no_reason_to_fail(make: Make) -> None:
    held = numbers(50, seed=1)
    held["label"] = 1e200
    found = results_of(make(LinearRegression(), numbers(100), held))
    assert "r2" not in {one.name for one in found.metrics}
    _sound(found)


def test_no_labels_leave_it_out(make: Make) -> None:
    held = two_classes(50, seed=1).assign(label=pd.array([None] * 50, dtype="Int64"))
    with pytest.raises(LeftOutError, match="no row has a label"):
        results_of(make(LogisticRegression(), two_classes(100), held))


def test_a_model_that_refuses_every_row_leaves_it_out(make: Make) -> None:
    held = two_classes(50, seed=1).assign(f0=np.nan)
    with pytest.raises(LeftOutError, match="refuses"):
        results_of(make(LogisticRegression(), two_classes(100), held))


def test_what_there_was_no_time_for_is_missing_alone(make: Make) -> None:
    subject = make(LogisticRegression(), two_classes(200), two_classes(100, seed=1))
    asked = replace(subject, runner=_Slow(subject.runner))
    found = results_of(asked)
    assert metric_of(found, "roc_auc").reference is None
    assert metric_of(found, "roc_auc").model == metric_of(results_of(subject), "roc_auc").model


class _Slow:
    """Is interrupted the second time that it is asked."""

    def __init__(self, runner: Runner) -> None:
        self._runner, self._asked = runner, False

    def score(self, rows: Rows) -> Scored:
        if self._asked:
            raise OverTimeError
        self._asked = True
        return self._runner.score(rows)


def _three(rows: int, seed: int = 0) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    values = draw.normal(size=(rows, 3))
    scores = values + draw.normal(size=(rows, 3)) + [0.5, 0, -0.5]
    frame = pd.DataFrame(values, columns=["f0", "f1", "f2"])
    return frame.assign(label=np.array(["a", "b", "c"])[scores.argmax(axis=1)])


def _chances(subject: Subject) -> Any:
    return subject.runner.score(subject.held.rows).probabilities


def _sound(results: Results) -> None:
    """Every number is a finite float or int of Python, every interval holds its value."""
    _finite(asdict(results))
    for one in results.metrics:
        for estimate in (one.model, one.dummy, one.main, one.reference):
            if estimate is not None and estimate.low is not None and estimate.high is not None:
                assert estimate.low <= estimate.value <= estimate.high


def _finite(part: Any) -> None:
    if isinstance(part, dict):
        for one in part.values():
            _finite(one)
    elif isinstance(part, tuple | list):
        for one in part:
            _finite(one)
    elif part is not None and not isinstance(part, str):
        assert type(part) in {int, float, bool}, repr(part)
        assert math.isfinite(part)
