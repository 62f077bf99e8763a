from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from services.registry.adapters.reviewing.explaining import importances_of
from services.registry.adapters.reviewing.subject import LeftOutError
from tests.unit.registry.review_explaining.worlds import (
    PLAIN,
    PRICE,
    applicants,
    linear,
    number,
    plain,
    signature,
    subject_of,
)


def test_the_largest_comes_first_and_shares_add_up(tmp_path: Path) -> None:
    found = importances_of(plain(tmp_path))
    assert [one.feature for one in found] == ["income", "age", "noise"]
    assert sum(one.share for one in found) == pytest.approx(1.0)
    income, _, noise = (one.growth for one in found)
    assert income.low is not None
    assert income.low > 0.02
    assert noise.low is not None
    assert noise.high is not None
    assert noise.low <= 0 <= noise.high


def test_the_same_review_gives_the_same_figures(tmp_path: Path) -> None:
    subject = plain(tmp_path)
    assert importances_of(subject) == importances_of(subject)


def test_a_model_that_hangs_on_nothing_has_no_shares(tmp_path: Path) -> None:
    frame = applicants(200)
    model = linear(frame, ["income", "age", "noise"])
    model[-1].coef_[:] = 0.0
    found = importances_of(subject_of(tmp_path, model, PLAIN, frame))
    assert [(one.growth.value, one.share) for one in found] == [(0.0, 0.0)] * 3


def test_one_row_has_figures_without_intervals(tmp_path: Path) -> None:
    frame = applicants(100)
    model = linear(frame, ["income", "age", "noise"])
    found = importances_of(subject_of(tmp_path, model, PLAIN, frame, frame.head(1)))
    assert all(one.growth.low is None and one.growth.high is None for one in found)


def test_without_labels_there_are_none(tmp_path: Path) -> None:
    frame = applicants(100)
    model = linear(frame, ["income", "age", "noise"])
    subject = subject_of(tmp_path, model, PLAIN, frame, frame.assign(paid=None))
    with pytest.raises(LeftOutError, match="evaluation sample has no row with a label"):
        importances_of(subject)


def test_a_regression_grows_its_absolute_error(tmp_path: Path) -> None:
    frame = applicants(400)
    frame["price"] = 3 * frame["income"]
    model = LinearRegression().fit(frame[["income", "age"]].to_numpy(), frame["price"])
    terms = signature(number("income"), number("age"), target=PRICE)
    first, second = importances_of(subject_of(tmp_path, model, terms, frame))
    # Two independent standard normal numbers are 2/sqrt(pi) apart on average.
    assert first.growth.value == pytest.approx(3 * 2 / np.sqrt(np.pi), rel=0.1)
    assert second.growth.value == pytest.approx(0.0, abs=1e-9)
