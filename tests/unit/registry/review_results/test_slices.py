"""How rows are cut into slices, and what is measured on them."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from services.registry.adapters.reviewing.slices import slices_of
from services.registry.adapters.reviewing.subject import LeftOutError
from tests.unit.registry.review_results.conftest import Make
from tests.unit.registry.review_results.frames import numbers
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, Task

_HOMES = Signature(
    (
        Feature("home", FeatureKind.CATEGORY, open_choices=True, nullable=True),
        Feature("late", FeatureKind.BOOLEAN),
    ),
    Target("label", Task.REGRESSION),
)


def test_categories_booleans_and_missing_values_are_slices(make: Make) -> None:
    draw = np.random.default_rng(0)
    homes = np.array(["rent", "own 🏠", None, "rare"], dtype=object)
    frame = pd.DataFrame(
        {
            "home": draw.choice(homes, 2_000, p=[0.5, 0.3, 0.19, 0.01]),
            "late": draw.random(2_000) < 0.5,
            "label": draw.normal(size=2_000),
        }
    )
    frame["label"] += np.where(frame["home"].isna(), 5.0, 0.0) * draw.choice([-1, 1], 2_000)
    encoder = OneHotEncoder(categories=[["rent", "own 🏠"]], handle_unknown="ignore")
    columns = make_column_transformer((encoder, [0]), remainder="passthrough")
    model = make_pipeline(columns, LinearRegression())
    model.fit(frame[["home", "late"]].to_numpy(dtype=object), frame["label"])
    found = slices_of(make(model, frame, signature=_HOMES))
    assert {(one.feature, one.part) for one in found} == {
        ("home", "rent"),
        ("home", "own 🏠"),
        ("home", "missing"),
        ("late", "false"),
        ("late", "true"),
    }
    worst = found[0]
    assert (worst.part, worst.rows) == ("missing", frame["home"].isna().sum())
    loss = (worst.loss.value, worst.loss.value - worst.difference.value)
    assert loss == pytest.approx((5.0, 0.8), abs=0.2)
    assert worst.excess is None


def test_quarters_of_a_number_hold_all_rows(make: Make) -> None:
    frame = numbers(1_000)[["f0", "label"]]
    found = slices_of(make(LinearRegression(), frame))
    assert [one.rows for one in found] == [250] * 4
    assert all(one.difference.low is not None for one in found)


def test_constant_features_and_few_rows_have_no_slices(make: Make) -> None:
    frame = numbers(200).assign(f0=1.0, f1=1.0, f2=1.0)
    assert slices_of(make(LinearRegression(), frame)) == ()


def test_too_few_rows_are_left_out(make: Make) -> None:
    with pytest.raises(LeftOutError, match="99 rows"):
        slices_of(make(LinearRegression(), numbers(99)))
