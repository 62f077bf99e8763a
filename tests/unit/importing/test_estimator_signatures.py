"""What is inferred of estimators and their tables, and what is refused."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, Task
from understudy.importing import ranges
from understudy.importing.errors import ImportingError
from understudy.importing.estimator import require_fitted, signature_of
from understudy.importing.sending import widened
from understudy.importing.tables import samples_of

ROWS = 60


def table() -> pd.DataFrame:
    draw = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "age": draw.integers(18, 90, ROWS),
            "heat": draw.uniform(-5.0, 30.0, ROWS),
            "home": pd.Series(draw.choice(["rent", "own"], ROWS), dtype=object),
            "late": draw.integers(0, 2, ROWS).astype(bool),
        }
    )


LABELS = np.arange(ROWS) % 2


def over(encoder: OneHotEncoder) -> Any:
    columns = ColumnTransformer([("words", encoder, ["home"])], remainder="passthrough")
    return make_pipeline(columns, LogisticRegression(max_iter=5_000))


def inferred(model: Any, frame: pd.DataFrame, labels: Any = LABELS, **told: Any) -> Signature:
    model.fit(frame, labels)
    samples = samples_of(model, (frame, labels), (None, None))
    return signature_of(model, samples.reference, answers=model.predict(frame.head(20)), **told)


def test_kinds_ranges_and_choices_follow_from_data_and_model() -> None:
    known = OneHotEncoder(categories=[["family", "own", "rent"]])
    found = inferred(over(known), table())
    age, heat, home, late = found.features
    assert [one.kind.value for one in found.features] == [
        "integer",
        "number",
        "category",
        "boolean",
    ]
    assert age.minimum == 0
    assert age.maximum is not None
    assert age.maximum > 500
    assert heat.minimum is not None
    assert heat.minimum < -100
    assert (late.minimum, late.maximum) == (None, None)
    assert (home.choices, home.open_choices) == (("family", "own", "rent"), False)
    assert not any(one.nullable for one in (age, heat, late))
    assert found.target == Target("target", Task.CLASSIFICATION, classes=(0, 1))
    assert all(one.example is not None for one in found.features)


def test_what_a_model_takes_is_open_and_nullable() -> None:
    unseen = over(OneHotEncoder(handle_unknown="ignore"))
    assert inferred(unseen, table()).features[2].open_choices
    numbers = table()[["age", "heat"]].astype(float)
    boosted = inferred(HistGradientBoostingClassifier(max_iter=2), numbers)
    assert all(one.nullable for one in boosted.features)


def test_the_order_of_the_classes_can_be_said() -> None:
    numbers = table()[["heat"]]
    assert inferred(LogisticRegression(), numbers, classes=[1, 0]).target.classes == (1, 0)
    with pytest.raises(ImportingError, match="classes: the model was fitted with"):
        inferred(LogisticRegression(), numbers, classes=[1, 2])


def test_a_later_version_is_not_narrower() -> None:
    target = Target("y", Task.REGRESSION)
    before = Signature(
        (
            Feature("a", FeatureKind.NUMBER, minimum=-5, maximum=9),
            Feature("b", FeatureKind.CATEGORY, choices=("x", "y"), open_choices=True),
        ),
        target,
    )
    now = Signature(
        (
            Feature("a", FeatureKind.INTEGER, minimum=0, maximum=20),
            Feature("b", FeatureKind.CATEGORY, choices=("z",), open_choices=True),
        ),
        target,
    )
    wider = widened(now, before)
    assert before.differences(wider) == ()
    assert (wider.features[0].minimum, wider.features[0].maximum) == (-5, 20)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (LogisticRegression(), "pipeline: it is not fitted; call fit"),
        (KMeans(2, n_init=1).fit(np.arange(8.0).reshape(4, 2)), "neither a classifier nor"),
        ("a word", "no estimator"),
    ],
)
def test_what_is_no_fitted_model_is_refused(model: Any, said: str) -> None:
    with pytest.raises(ImportingError, match=said):
        require_fitted(model)


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (pd.date_range("2026-01-01", periods=ROWS), "holds times .* time_column"),
        (["a", 1] * (ROWS // 2), "holds mixed-integer values .int, str."),
        (pd.Categorical([1, 2] * (ROWS // 2)), "categories that are no text"),
    ],
)
def test_columns_that_no_feature_can_be_are_refused(column: Any, said: str) -> None:
    frame = table()[["age"]].assign(odd=column)
    model = LinearRegression().fit(table()[["age", "heat"]].to_numpy(), LABELS)
    samples = samples_of(model, (frame, LABELS), (None, None))
    with pytest.raises(ImportingError, match=said):
        signature_of(model, samples.reference)


@pytest.mark.parametrize(
    ("test", "told", "said"),
    [
        ((table()[["age", "heat"]], LABELS[1:]), {}, "y_test: it has 59 labels for 60 rows"),
        ((table()[["age"]], LABELS), {}, "X_test: it has no column 'heat'"),
        ((table(), LABELS), {}, "X_test: it has the column 'home'"),
        ((None, LABELS), {}, "X_test and y_test come together"),
        ((None, None), {"time_column": "when"}, "X_train has no column 'when'"),
        ((None, None), {"protected": ["age"]}, "protected: the model was fitted with 'age'"),
        ((None, None), {"protected": ["sex"]}, "protected: X_train has no column 'sex'"),
        ((None, None), {"protected": pd.DataFrame({"sex": ["f"]})}, "protected: its index"),
    ],
)
def test_arguments_that_contradict_one_another_are_named(
    test: tuple[Any, Any], told: dict[str, Any], said: str
) -> None:
    frame = table()[["age", "heat"]]
    model = LogisticRegression(max_iter=5_000).fit(frame, LABELS)
    with pytest.raises(ImportingError, match=said):
        samples_of(model, (frame, LABELS), test, **told)


def test_a_column_that_the_model_does_not_know_is_named() -> None:
    model = LogisticRegression().fit(table()[["heat"]], LABELS)
    with pytest.raises(ImportingError, match="X_train: the model was not fitted with 'age'"):
        samples_of(model, (table()[["age", "heat"]], LABELS), (None, None))


def test_protected_attributes_stand_beside_the_features() -> None:
    frame = table()[["heat"]]
    model = LogisticRegression().fit(frame, LABELS)
    sexes = pd.DataFrame({"sex": ["f", "m"] * (ROWS // 2)})
    samples = samples_of(
        model, (frame.head(40), LABELS[:40]), (frame.tail(20), LABELS[40:]), protected=sexes
    )
    assert samples.protected == ("sex",)
    assert [*samples.reference.whole.columns] == ["heat", "sex", "target"]
    assert samples.evaluation is not None
    assert samples.evaluation.whole["sex"].tolist() == ["f", "m"] * 10


def test_ranges_are_of_features_that_hold_numbers() -> None:
    signature = Signature((Feature("a", FeatureKind.NUMBER),), Target("y", Task.REGRESSION))
    assert ranges.stated(signature, {"a": (0, None)}).features[0].minimum == 0
    with pytest.raises(ImportingError, match="ranges: 'b' is no feature"):
        ranges.stated(signature, {"b": (0, 1)})
    with pytest.raises(ImportingError, match="minimum is above maximum"):
        ranges.stated(signature, {"a": (2, 1)})
