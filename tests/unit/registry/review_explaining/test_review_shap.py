from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline

from services.registry.adapters.reviewing.explaining_asking import shown
from services.registry.adapters.reviewing.shapley import explained_of, shap_of
from services.registry.adapters.reviewing.subject import LeftOutError, Subject
from tests.unit.registry.review_explaining.worlds import (
    NULLABLE,
    PLAIN,
    PRICE,
    applicants,
    category,
    number,
    plain,
    signature,
    subject_of,
    with_towns,
)

# The library warns of its own.
pytestmark = pytest.mark.filterwarnings("ignore")
NAMES = ["income", "age", "noise"]


def adds_up(subject: Subject) -> None:
    explained, rows = explained_of(subject)
    scored = subject.runner.score(rows)
    answers = shown(scored, subject.positive)
    np.testing.assert_allclose(
        explained.values.sum(axis=1) + explained.base, answers, rtol=0, atol=1e-6
    )


def forest(frame: Any, label: str = "paid") -> Any:
    model = RandomForestClassifier(10, max_depth=4, random_state=0)
    return make_pipeline(SimpleImputer(), model).fit(frame[NAMES].to_numpy(), frame[label])


def test_it_is_made_only_when_asked_for(tmp_path: Path) -> None:
    with pytest.raises(LeftOutError, match="not asked for"):
        shap_of(plain(tmp_path))


@pytest.mark.slow
def test_trees_are_explained_by_themselves_and_add_up(tmp_path: Path) -> None:
    pytest.importorskip("shap")
    frame = applicants(600)
    frame.loc[::7, "age"] = np.nan
    subject = subject_of(tmp_path, forest(frame), NULLABLE, frame, shap=True)
    found = shap_of(subject)
    assert (found.explainer, found.rows) == ("trees", 100)
    assert found.features[0].feature == "income"
    income = found.features[0]
    assert len(income.points) == 100
    assert all(place is not None and 0 <= place <= 1 for _, place in income.points)
    adds_up(subject)


def test_numbers_are_explained_in_their_unit(tmp_path: Path) -> None:
    pytest.importorskip("shap")
    frame = applicants(400)
    frame["price"] = 100 * frame["income"]
    model = RandomForestRegressor(10, random_state=0)
    model.fit(frame[NAMES].to_numpy(), frame["price"])
    terms = signature(*map(number, NAMES), target=PRICE)
    subject = subject_of(tmp_path, model, terms, frame, shap=True)
    found = shap_of(subject)
    assert (found.explainer, found.features[0].feature) == ("trees", "income")
    assert 50 < found.features[0].mean_size < 110


@pytest.mark.slow
def test_models_of_any_kind_are_asked_and_add_up(tmp_path: Path) -> None:
    pytest.importorskip("shap")
    frame = applicants(300)
    frame["town"] = frame["paid"].map({"yes": "Ulm", "no": None})
    frame.loc[::5, "town"] = "Bonn"
    model = with_towns(frame, ["income"], "town")
    terms = signature(number("income"), category("town", nullable=True))
    subject = subject_of(tmp_path, model, terms, frame, shap=True)
    found = shap_of(subject)
    assert found.explainer == "permutation"
    assert {one.feature for one in found.features} == {"income", "town"}
    town = next(one for one in found.features if one.feature == "town")
    assert {place for _, place in town.points} == {None}
    adds_up(subject)


def test_a_single_row_is_enough(tmp_path: Path) -> None:
    pytest.importorskip("shap")
    frame = applicants(200)
    subject = subject_of(tmp_path, forest(frame), PLAIN, frame, frame.head(1), shap=True)
    assert shap_of(subject).rows == 1
