"""Figures of confusion matrices and score histograms, against scikit-learn on the raw rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from services.monitor.domain.outcomes.baseline import score_bins
from services.monitor.domain.statistics.confusion import (
    balanced_accuracy,
    class_metrics,
    confusion_metrics,
    expected_metrics,
    macro_f1,
)
from services.monitor.domain.statistics.ranking import average_precision, binning_error, roc_auc
from understudy.profiles.arrays import Counts, Floats


def matrix(true: Counts, said: Counts, classes: int) -> Counts:
    return np.bincount(true * classes + said, minlength=classes**2).reshape(classes, classes)


def oracle(true: Counts, said: Counts, average: str) -> dict[str, float]:
    scores = (metrics.precision_score, metrics.recall_score, metrics.f1_score)
    found = [score(true, said, average=average, zero_division=0) for score in scores]
    return dict(zip(("precision", "recall", "f1"), found, strict=True))


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_they_are_scikit_learn_s(classes: int) -> None:
    rng = np.random.default_rng(classes)
    true = rng.integers(classes, size=500)
    said = np.where(rng.random(500) < 0.7, true, rng.integers(classes, size=500))
    found = confusion_metrics(matrix(true, said, classes))
    wanted = oracle(true, said, "binary" if classes == 2 else "macro")
    wanted |= {
        "accuracy": metrics.accuracy_score(true, said),
        "balanced_accuracy": metrics.balanced_accuracy_score(true, said),
    }
    assert {name: part.value for name, part in found.items()} == pytest.approx(wanted)
    assert expected_metrics(matrix(true, said, classes).astype(float)) == pytest.approx(wanted)
    for part in found.values():
        assert part.low is not None
        assert part.high is not None
        assert part.low < part.value < part.high


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30))
def test_also_with_few_rows_and_absent_classes(rows: list[tuple[int, int]]) -> None:
    true, said = (np.array(column) for column in zip(*rows, strict=True))
    counts = matrix(true, said, 4)
    f1 = macro_f1(counts)
    assert f1 is not None
    wanted = oracle(true, said, "macro")
    assert f1.value == pytest.approx(wanted["f1"])
    found = confusion_metrics(counts)
    assert found["precision"].value == pytest.approx(wanted["precision"])
    assert found["recall"].value == pytest.approx(wanted["recall"])
    for index in range(4):
        for part in class_metrics(counts, index).values():
            assert 0 <= part.value <= 1


def test_without_rows_there_are_no_figures() -> None:
    nothing = np.zeros((3, 3), dtype=np.int64)
    assert confusion_metrics(nothing) == {}
    assert expected_metrics(nothing.astype(float)) == {}
    assert macro_f1(nothing) is None
    assert balanced_accuracy(nothing) is None
    assert class_metrics(nothing, 0) == {}


def test_a_class_that_is_never_answered_has_no_precision() -> None:
    assert set(class_metrics(np.array([[5, 0], [2, 0]]), 1)) == {"recall", "f1"}


def rows(seed: int, count: int, share: float) -> tuple[Counts, Floats]:
    rng = np.random.default_rng(seed)
    true = (rng.random(count) < share).astype(np.int64)
    return true, np.asarray(1 / (1 + np.exp(-rng.normal(1.2 * true - 0.6, 1.0))))


def histograms(true: Counts, scores: Floats) -> tuple[Counts, Counts]:
    bins = score_bins(scores)
    return tuple(np.bincount(bins[true == kind], minlength=100) for kind in (1, 0))  # type: ignore[return-value]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("share", [0.5, 0.05])
def test_the_area_under_the_roc_is_scikit_learn_s_up_to_the_stated_error(
    seed: int, share: float
) -> None:
    true, scores = rows(seed, 2_000, share)
    positives, negatives = histograms(true, scores)
    found = roc_auc(positives, negatives)
    assert found is not None
    error = binning_error(positives, negatives)
    assert abs(found.value - metrics.roc_auc_score(true, scores)) <= error < 0.01
    binned = metrics.roc_auc_score(true, score_bins(scores))
    assert found.value == pytest.approx(binned)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("share", [0.5, 0.05])
def test_average_precision_is_scikit_learn_s_within_a_hundredth(seed: int, share: float) -> None:
    true, scores = rows(seed, 20_000, share)
    found = average_precision(*histograms(true, scores))
    assert found is not None
    assert found.value == pytest.approx(metrics.average_precision_score(true, scores), abs=0.01)


def test_ranking_needs_both_kinds() -> None:
    some, none = np.array([0, 3]), np.array([0, 0])
    assert roc_auc(some, none) is None
    assert average_precision(none, some) is None
    assert binning_error(some, none) == 0.0
    perfect = roc_auc(np.array([0, 5]), np.array([5, 0]))
    assert perfect is not None
    assert (perfect.value, perfect.low) == (1.0, None)
