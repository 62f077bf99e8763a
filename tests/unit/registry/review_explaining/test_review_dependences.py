from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from services.registry.adapters.reviewing.explaining import dependences_of
from services.registry.adapters.reviewing.subject import LeftOutError
from tests.unit.registry.review_explaining.worlds import (
    LABEL,
    PLAIN,
    applicants,
    category,
    integer,
    linear,
    number,
    plain,
    signature,
    subject_of,
    with_towns,
)
from understudy.contracts.signature import Feature, Target
from understudy.contracts.vocabulary import FeatureKind, Task


def test_the_line_follows_the_model_in_the_order_of_importance(tmp_path: Path) -> None:
    subject = plain(tmp_path)
    age, income, noise = dependences_of(subject, ("age", "income"))
    assert [one.feature for one in (age, income, noise)] == ["age", "income", "noise"]
    assert income.values is not None  # noqa: PD011 - no frame
    assert len(income.values) == 20
    assert sorted(income.values) == list(income.values)
    label = LABEL.classes[subject.positive or 0]
    assert income.label == label
    up = income.answers if label == "yes" else income.answers[::-1]
    assert list(up) == sorted(up)
    assert up[-1] - up[0] > 0.5
    assert all(
        low <= answer <= high
        for low, answer, high in zip(income.low, income.answers, income.high, strict=True)
    )
    assert sum(income.density) == pytest.approx(1.0)


def test_whole_numbers_and_booleans_take_their_values(tmp_path: Path) -> None:
    frame = applicants(300).assign(children=[0, 1, 4] * 100, owner=[True, False] * 150)
    names = ["income", "children", "owner"]
    terms = signature(number("income"), integer("children"), Feature("owner", FeatureKind.BOOLEAN))
    subject = subject_of(tmp_path, linear(frame, names), terms, frame)
    children, owner, _ = dependences_of(subject, ("children", "owner"))
    assert children.values == (0, 1, 4)  # noqa: PD011 - no frame
    assert children.density == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    assert owner.values == (0, 1)  # noqa: PD011 - no frame


def test_of_many_categories_the_commonest_are_shown(tmp_path: Path) -> None:
    frame = applicants(400)
    towns = ["Ulm"] * 100 + ["Bonn"] * 100 + [f"town {place % 40}" for place in range(200)]
    frame["town"] = towns
    model = with_towns(frame, ["income"], "town")
    terms = signature(number("income"), category("town"))
    town, _ = dependences_of(subject_of(tmp_path, model, terms, frame), ("town",))
    assert town.names is not None
    assert town.names[:2] == ("Bonn", "Ulm")
    assert len(town.names) == 12
    assert town.density[0] == pytest.approx(0.25)


def test_of_several_classes_one_is_named(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    x = draw.normal(size=600)
    labels = np.array(["low", "middle", "high"])[np.digitize(x, [-0.5, 0.5])]
    frame = pd.DataFrame({"x": x, "level": labels})
    classes = ("low", "middle", "high")
    model = LogisticRegression().fit(frame[["x"]].to_numpy(), labels)
    terms = signature(number("x"), target=Target("level", Task.CLASSIFICATION, classes))
    (found,) = dependences_of(subject_of(tmp_path, model, terms, frame), ())
    assert found.label in {"low", "high"}
    assert max(found.answers) - min(found.answers) > 0.5


def test_without_probabilities_it_is_the_share_of_answers(tmp_path: Path) -> None:
    frame = applicants(300)
    model = LinearSVC().fit(frame[["income", "age", "noise"]].to_numpy(), frame["paid"])
    subject = subject_of(tmp_path, model, PLAIN, frame)
    income, *_ = dependences_of(subject, ("income",))
    assert {*income.low, *income.high} <= {0.0, 1.0}
    assert max(income.answers) > 0.8


def test_eight_features_at_most(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    names = [f"x{place}" for place in range(12)]
    frame = pd.DataFrame(draw.normal(size=(100, 12)), columns=names).assign(paid=["yes", "no"] * 50)
    terms = signature(*map(number, names))
    subject = subject_of(tmp_path, linear(frame, names), terms, frame)
    found = dependences_of(subject, tuple(reversed(names)))
    assert [one.feature for one in found] == names[:3:-1]


def test_no_legal_row_is_a_reason(tmp_path: Path) -> None:
    subject = plain(tmp_path)
    held = applicants(20).assign(income=np.nan)
    again = subject_of(tmp_path, subject.estimator, PLAIN, applicants(20), held)
    with pytest.raises(LeftOutError, match="no row that the signature allows"):
        dependences_of(again, ())
