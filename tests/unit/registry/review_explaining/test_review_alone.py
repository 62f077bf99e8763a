from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor

from services.registry.adapters.reviewing.explaining import alone_of
from services.registry.adapters.reviewing.subject import LeftOutError
from tests.unit.registry.review_explaining.worlds import (
    PRICE,
    applicants,
    category,
    integer,
    number,
    plain,
    signature,
    subject_of,
)
from understudy.contracts.reviews import Alone, Estimate
from understudy.contracts.signature import Feature, Target
from understudy.contracts.vocabulary import Task


def alone(folder: Path, frame: pd.DataFrame, *features: Feature, **terms: Any) -> dict[str, Alone]:
    model = DummyClassifier().fit(np.zeros((len(frame), len(features))), frame["paid"])
    found = alone_of(subject_of(folder, model, signature(*features), frame, **terms))
    return {one.feature: one for one in found}


def ends(score: Estimate) -> tuple[float, float]:
    assert score.low is not None
    assert score.high is not None
    return score.low, score.high


def test_numbers_by_their_ranks_in_either_direction(tmp_path: Path) -> None:
    frame = applicants(1_500).assign(debt=lambda rows: -rows["income"])
    found = alone(tmp_path, frame, number("income"), number("debt"), number("noise"))
    assert found["income"].score == found["debt"].score
    assert 0.75 < ends(found["income"].score)[0] < found["income"].score.value < 0.9
    low, high = ends(found["noise"].score)
    assert low <= 0.5 <= high


def test_a_number_that_is_null_for_one_class_gives_it_away(tmp_path: Path) -> None:
    frame = applicants(800)
    frame["closed"] = np.where(frame["paid"] == "yes", np.nan, frame["noise"])
    found = alone(tmp_path, frame, number("closed", nullable=True))
    assert found["closed"].score.value == 1.0
    assert ends(found["closed"].score)[0] > 0.98


def test_a_leak_with_missing_values_is_seen_in_the_others(tmp_path: Path) -> None:
    frame = applicants(2_000)
    known = np.random.default_rng(1).random(len(frame)) < 0.8
    frame["leak"] = np.where(known, frame["paid"] == "yes", np.nan)
    found = alone(tmp_path, frame, number("leak", nullable=True))
    assert ends(found["leak"].score)[0] > 0.99


def test_codes_in_no_order_are_seen(tmp_path: Path) -> None:
    frame = applicants(2_000)
    paid = (frame["paid"] == "yes").to_numpy()
    codes = np.random.default_rng(1).integers(0, 3, len(frame))
    frame["code"] = 2 * codes + ~paid  # odd ones did not pay
    found = alone(tmp_path, frame, integer("code"))
    assert ends(found["code"].score)[0] > 0.99


def test_a_category_that_leaks_shines_and_one_that_names_rows_does_not(tmp_path: Path) -> None:
    frame = applicants(2_000)
    draw = np.random.default_rng(1)
    frame["status"] = np.where(
        frame["paid"] == "yes", draw.choice(["a", "b"], 2_000), draw.choice(["c", "d"], 2_000)
    )
    frame["account"] = [f"A{place}\x00😀" for place in range(2_000)]
    frame["town"] = [("Ulm", "Bonn", None)[place] for place in draw.integers(0, 3, 2_000)]
    found = alone(
        tmp_path, frame, category("status"), category("account"), category("town", nullable=True)
    )
    assert ends(found["status"].score)[0] > 0.99
    assert found["account"].score.value == 0.5
    assert found["town"].score.value < 0.56


def test_a_few_rows_leave_the_near_end_low(tmp_path: Path) -> None:
    frame = applicants(150).assign(leak=lambda rows: (rows["paid"] == "yes").astype(float))
    found = alone(tmp_path, frame, number("leak"))
    assert found["leak"].score.value == 1.0
    assert ends(found["leak"].score)[0] < 0.99


def test_of_several_classes_the_best_one_counts(tmp_path: Path) -> None:
    labels = np.random.default_rng(0).choice(["a", "b", "c"], 1_500)
    frame = pd.DataFrame({"is_c": (labels == "c").astype(float), "paid": labels})
    terms = signature(number("is_c"), target=Target("paid", Task.CLASSIFICATION, ("a", "b", "c")))
    model = DummyClassifier().fit(np.zeros((len(frame), 1)), labels)
    (found,) = alone_of(subject_of(tmp_path, model, terms, frame))
    assert found.score.value == 1.0


def test_a_regression_by_rank_correlation(tmp_path: Path) -> None:
    frame = applicants(1_000)
    frame["price"] = np.exp(frame["income"])
    frame["town"] = np.where(frame["income"] > 0, "dear", "cheap")
    terms = signature(
        number("income"),
        number("age"),
        category("town"),
        number("void", nullable=True),
        target=PRICE,
    )
    model = DummyRegressor().fit(np.zeros((len(frame), 4)), frame["price"])
    subject = subject_of(tmp_path, model, terms, frame.assign(void=np.nan))
    found = {one.feature: one.score for one in alone_of(subject)}
    assert found["income"].value == pytest.approx(1.0)
    assert ends(found["income"])[0] > 0.99
    assert found["town"].value == pytest.approx(0.87, abs=0.02)
    assert ends(found["age"])[0] <= 0
    assert "void" not in found


def test_order_is_that_of_time_or_else_of_rows(tmp_path: Path) -> None:
    frame = applicants(400).assign(account=np.arange(400) + 1_000)
    frame["at"] = [datetime(2026, 1, 1 + place % 28, tzinfo=UTC) for place in range(400)]
    by_rows = alone(tmp_path, frame, integer("account"), number("income"))
    assert by_rows["account"].order == pytest.approx(1.0)
    assert (by_rows["income"].order or 0.0) < 0.2
    by_time = alone(tmp_path, frame, integer("account"), time_column="at")
    assert (by_time["account"].order or 0.0) < 0.2


def test_a_file_sorted_by_its_label_gives_no_order(tmp_path: Path) -> None:
    frame = applicants(600).sort_values("paid", ignore_index=True)
    frame["score"] = (frame["paid"] == "yes") + frame["noise"] / 1_000
    found = alone(tmp_path, frame, number("score"))
    assert (found["score"].order or 0.0) < 0.2


def test_a_single_class_is_a_reason(tmp_path: Path) -> None:
    subject = plain(tmp_path)
    held = applicants(100).assign(paid="yes")
    again = subject_of(tmp_path, subject.estimator, subject.signature, applicants(100), held)
    with pytest.raises(LeftOutError, match="have the same label"):
        alone_of(again)
