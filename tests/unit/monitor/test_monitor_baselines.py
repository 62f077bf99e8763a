"""Baselines, from Parquet to values."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from services.monitor.adapters.baselines import read_baseline
from services.monitor.domain.outcomes.baseline import Baseline, score_bins
from understudy.contracts import registry
from understudy.contracts.signature import Target
from understudy.contracts.vocabulary import BaselineSample, Task
from understudy.profiles.errors import UnusableReferenceError

DESCRIBED = registry.Baseline(
    file="c" * 64, sample=BaselineSample.EVALUATION, rows=3, importances={"income": 0.2}
)

TARGETS = {
    0: Target("price", Task.REGRESSION),
    2: Target("bad", Task.CLASSIFICATION, classes=(False, True)),
    3: Target("kind", Task.CLASSIFICATION, classes=("a", "b", "c")),
}


def read(folder: Path, columns: dict[str, object], classes: int = 2, most: int = 100) -> Baseline:
    path = folder / "baseline.parquet"
    pq.write_table(pa.table(columns), path)
    return read_baseline(path, DESCRIBED, TARGETS[classes], most)


def test_a_classifier_s_answers_are_read(tmp_path: Path) -> None:
    columns = {
        "value": [0.0, 1.0, float("nan")],
        "p0": [0.9, 0.2, float("nan")],
        "p1": [0.1, 0.8, float("nan")],
        "label": [0.0, float("nan"), 1.0],
        "at": [1.0, 2.0, 3.0],
        "more": ["a", "b", "c"],
    }
    found = read(tmp_path, dict(columns))
    assert found.rows == 3
    assert not found.optimistic
    assert found.importances == {"income": 0.2}
    assert found.class_counts.tolist() == [1, 1]
    assert found.names == ("false", "true")
    np.testing.assert_equal(found.scores, [0.1, 0.8, np.nan])
    np.testing.assert_equal(found.outputs, found.scores)
    np.testing.assert_equal(found.at, [1.0, 2.0, 3.0])
    np.testing.assert_equal(found.labels, [0.0, np.nan, 1.0])


def test_with_more_classes_the_score_is_that_of_the_answer(tmp_path: Path) -> None:
    columns = {"value": [0, 2], "p0": [0.5, 0.1], "p1": [0.3, 0.2], "p2": [0.2, 0.7]}
    found = read(tmp_path, {**columns, "label": [0, 1]}, classes=3)
    np.testing.assert_allclose(found.scores, [0.5, 0.7])
    np.testing.assert_allclose(found.outputs, [0.2, 0.7])
    assert found.at is None


def test_a_regression_has_numbers_alone(tmp_path: Path) -> None:
    found = read(tmp_path, {"value": [1.5, 7.0, 3.0], "label": [1.0, 7.5, 9.0]}, classes=0, most=2)
    assert found.values.tolist() == [1.5, 7.0]
    assert found.outputs.tolist() == [1.5, 7.0]
    assert found.probabilities is None


def test_without_probabilities_there_are_no_scores(tmp_path: Path) -> None:
    found = read(tmp_path, {"value": [0, 1], "label": [0, 5]})
    assert np.isnan(found.scores).all()
    np.testing.assert_equal(found.labels, [0.0, np.nan])


def test_a_file_that_is_no_baseline_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableReferenceError, match="no column 'label'"):
        read(tmp_path, {"value": [1.0]})
    path = tmp_path / "torn.parquet"
    path.write_bytes(b"PAR1")
    with pytest.raises(UnusableReferenceError, match="no readable Parquet"):
        read_baseline(path, DESCRIBED, TARGETS[2], 10)


def test_probabilities_fall_into_equal_bins() -> None:
    assert score_bins(np.array([0.0, 0.009, 0.5, 1.0])).tolist() == [0, 0, 50, 99]
