from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from services.registry.adapters.reviewing.explaining import without_of
from services.registry.adapters.reviewing.subject import LeftOutError
from tests.unit.registry.review_explaining.worlds import (
    NULLABLE,
    PRICE,
    applicants,
    boosted,
    category,
    linear,
    number,
    plain,
    signature,
    subject_of,
    with_towns,
)

NAMES = ["income", "age", "noise"]


def test_less_is_known_the_more_is_taken_away(tmp_path: Path) -> None:
    frame, held = applicants(1_500), applicants(1_000, seed=1)
    subject = subject_of(tmp_path, boosted(frame, NAMES), NULLABLE, frame, held)
    found = without_of(subject, ("income", "age", "noise"))
    assert [(one.feature, one.share) for one in found] == [
        ("*", 0.0),
        ("*", 0.1),
        ("*", 0.3),
        ("income", 1.0),
        ("age", 1.0),
        ("noise", 1.0),
    ]
    usual, tenth, third, income, _, noise = (one.metric.value for one in found)
    assert usual > tenth > third > income
    assert noise == pytest.approx(usual, abs=0.03)
    assert {one.refused for one in found} == {0.0}


def test_features_that_may_not_be_null_keep_their_values(tmp_path: Path) -> None:
    frame = applicants(500)
    terms = signature(number("income"), number("age", nullable=True), number("noise"))
    subject = subject_of(tmp_path, boosted(frame, NAMES), terms, frame)
    assert [one.feature for one in without_of(subject, ("income", "age"))] == ["*"] * 3 + ["age"]


def test_no_nullable_feature_is_a_reason(tmp_path: Path) -> None:
    with pytest.raises(LeftOutError, match="allows no feature to be null"):
        without_of(plain(tmp_path), ())


def test_a_model_that_refuses_is_counted(tmp_path: Path) -> None:
    frame = applicants(500)
    subject = subject_of(tmp_path, linear(frame, NAMES), NULLABLE, frame)
    usual, tenth, _, income, *_ = without_of(subject, ("income",))
    assert usual.refused == 0.0
    assert tenth.refused == pytest.approx(1 - 0.9**3, abs=0.08)
    assert tenth.metric.value == pytest.approx(usual.metric.value, abs=0.05)
    assert income.refused == 1.0
    assert income.metric.value == 0.5


def test_categories_lose_values_too(tmp_path: Path) -> None:
    frame = applicants(800)
    frame["town"] = np.where(frame["paid"] == "yes", "Ulm", "Bonn")
    model = with_towns(frame, ["income"], "town")
    terms = signature(number("income"), category("town", nullable=True))
    usual, *_, town = without_of(subject_of(tmp_path, model, terms, frame), ("town",))
    assert usual.metric.value > 0.99
    assert town.refused == 0.0
    assert 0.6 < town.metric.value < 0.95


def test_numbers_by_the_root_of_their_squared_error(tmp_path: Path) -> None:
    frame = applicants(200)
    frame["price"] = frame["income"] + frame["noise"]
    model = LinearRegression().fit(frame[["income"]].to_numpy(), frame["price"])
    terms = signature(number("income", nullable=True), target=PRICE)
    usual, *_, income = without_of(subject_of(tmp_path, model, terms, frame), ())
    assert usual.metric.value == pytest.approx(1.0, abs=0.15)
    assert income.refused == 1.0
    assert income.metric.value == pytest.approx(frame["price"].std(), rel=0.01)
