"""What the inspection's child says of models that could never serve, and of foreign samples."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from services.registry.adapters.inspection.fit import examine
from services.registry.adapters.inspection.messages import Finding
from services.registry.adapters.inspection.messages import Task as Inspection
from services.registry.adapters.inspection.sample import SAMPLED_ROWS, look
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, Task
from understudy.inference.rows import Rows

pytestmark = pytest.mark.filterwarnings("ignore")

SIGNATURE = Signature(
    (
        Feature("age", FeatureKind.INTEGER),
        Feature("town", FeatureKind.CATEGORY, open_choices=True, nullable=True),
    ),
    Target("risk", Task.CLASSIFICATION, ("no", "yes")),
)
REGRESSION = replace(SIGNATURE, target=Target("risk", Task.REGRESSION))
ROWS = pd.DataFrame(
    {
        "age": [20, 30, 40, 50],
        "town": ["Ulm", None, "Bonn", "Ulm"],
        "risk": ["no", "yes", "no", "yes"],
    }
)
NUMBERS = ROWS.assign(risk=[1.0, 2.0, 3.0, 4.0])
FEATURES = ROWS[["age", "town"]]


def pipeline(last: Any) -> Any:
    towns = (OneHotEncoder(handle_unknown="ignore"), ["town"])
    return make_pipeline(make_column_transformer(towns, remainder="passthrough"), last)


@pytest.fixture(scope="module")
def models() -> dict[str, Any]:
    broken = pipeline(LinearRegression()).fit(FEATURES, NUMBERS["risk"])
    broken[-1].intercept_ = np.nan
    return {
        "classifier": pipeline(LogisticRegression()).fit(FEATURES, ROWS["risk"]),
        "regressor": pipeline(LinearRegression()).fit(FEATURES, NUMBERS["risk"]),
        "dict": {"model": 1},
        "unfitted": pipeline(LogisticRegression()),
        "encoder": OneHotEncoder().fit(FEATURES),
        "one number": LogisticRegression().fit(ROWS[["age"]].to_numpy(), ROWS["risk"]),
        "other names": LogisticRegression().fit(ROWS[["age"]], ROWS["risk"]),
        "codes": pipeline(LogisticRegression()).fit(FEATURES, [0, 1, 0, 1]),
        "pairs": pipeline(LinearRegression()).fit(FEATURES, np.ones((4, 2))),
        "broken": broken,
    }


def inspect(
    folder: Path, model: Any, signature: Signature, rows: pd.DataFrame
) -> tuple[tuple[str, ...], tuple[Finding, ...]]:
    """Problems of the sample, findings about the model."""
    artifact, reference = folder / "model.skops", folder / "rows.parquet"
    skops.io.dump(model, artifact)
    rows.to_parquet(reference, index=False)
    looked = look(str(reference), signature)
    if looked.rows is None:
        return looked.problems, ()
    task = Inspection(
        artifact=str(artifact),
        reference=str(reference),
        signature=signature,
        trusted=(),
        cpu_seconds=60,
        memory_bytes=4 << 30,
    )
    return (), examine(task, looked.rows).findings


@pytest.mark.parametrize(
    ("model", "signature", "rows"),
    [("classifier", SIGNATURE, ROWS), ("regressor", REGRESSION, NUMBERS)],
)
def test_what_fits_is_taken(
    *,
    models: dict[str, Any],
    tmp_path: Path,
    model: str,
    signature: Signature,
    rows: pd.DataFrame,
) -> None:
    assert inspect(tmp_path, models[model], signature, rows) == ((), ())


def test_booleans_and_arrays_are_handed_over_as_serving_does(tmp_path: Path) -> None:
    rows = pd.DataFrame({"flag": [True, False] * 3, "risk": [True, False] * 3})
    signature = Signature(
        (Feature("flag", FeatureKind.BOOLEAN),),
        Target("risk", Task.CLASSIFICATION, (False, True)),
    )
    model = LogisticRegression().fit(rows[["flag"]].to_numpy(dtype=float), rows["risk"])
    assert inspect(tmp_path, model, signature, rows) == ((), ())


@pytest.mark.parametrize(
    ("model", "signature", "pointer", "words"),
    [
        ("dict", SIGNATURE, "/artifact", "holds a dict without 'predict'"),
        ("encoder", SIGNATURE, "/artifact", "without 'predict'"),
        ("unfitted", SIGNATURE, "/artifact", "not fitted"),
        ("other names", SIGNATURE, "/signature/features", "not in both: 'town'"),
        ("one number", SIGNATURE, "/signature/features", "with 1 features, the signature states 2"),
        ("codes", SIGNATURE, "/signature/target/classes", "classes are 0, 1"),
        ("regressor", SIGNATURE, "/signature/target/task", "has no classes"),
        ("classifier", REGRESSION, "/signature/target/task", "is a classifier"),
        ("pairs", REGRESSION, "/artifact", "one value a row"),
        ("broken", REGRESSION, "/artifact", "no finite numbers"),
    ],
)
def test_a_model_that_could_never_serve_is_refused(
    *,
    models: dict[str, Any],
    tmp_path: Path,
    model: str,
    signature: Signature,
    pointer: str,
    words: str,
) -> None:
    rows = ROWS if signature is SIGNATURE else NUMBERS
    _, (found,) = inspect(tmp_path, models[model], signature, rows)
    assert found.pointer == pointer
    assert words in found.message


@pytest.mark.parametrize(
    ("signature", "labels", "words"),
    [
        (SIGNATURE, ["no", "maybe", "no", "yes"], "'risk' holds 'maybe'"),
        (SIGNATURE, [0, 1, 0, 1], "'risk' holds 0"),
        (SIGNATURE, [["no"], ["no"], ["no"], ["no"]], "'risk' holds ['no']"),
        (REGRESSION, ["no", "yes", "no", "yes"], "string, not a number"),
    ],
)
def test_a_sample_with_other_labels_is_refused(
    *,
    models: dict[str, Any],
    tmp_path: Path,
    signature: Signature,
    labels: list[object],
    words: str,
) -> None:
    rows = ROWS.assign(risk=pd.Series(labels))
    (problem,), _ = inspect(tmp_path, models["classifier"], signature, rows)
    assert words in problem


def looked_at(folder: Path, rows: pd.DataFrame, signature: Signature = SIGNATURE) -> Rows:
    rows.to_parquet(folder / "rows.parquet", index=False)
    found = look(str(folder / "rows.parquet"), signature)
    assert found.rows is not None, found.problems
    return found.rows


def test_the_sample_is_read_as_serving_reads_rows(tmp_path: Path) -> None:
    rows = looked_at(tmp_path, ROWS)
    assert rows.numbers.tolist() == [[20.0], [30.0], [40.0], [50.0]]
    assert rows.texts == (["Ulm", None, "Bonn", "Ulm"],)


def test_rows_come_from_all_over_a_large_sample(tmp_path: Path) -> None:
    ages = np.arange(200_000)
    large = pd.DataFrame({"age": ages, "town": "Ulm", "risk": "no"})
    taken = looked_at(tmp_path, large).numbers[:, 0]
    assert len(taken) == SAMPLED_ROWS
    assert taken.min() < 1_000
    assert taken.max() > 199_000
    assert np.histogram(taken, bins=10, range=(0, 200_000))[0].tolist() == [100] * 10


@pytest.mark.parametrize(
    ("feature", "values", "legal"),
    [
        (Feature("x", FeatureKind.NUMBER, minimum=0, maximum=1), [-1, 0, 1, 2, None], [0, 1]),
        (Feature("x", FeatureKind.NUMBER, nullable=True), [1, None], [1, None]),
        (Feature("x", FeatureKind.NUMBER), [np.inf, 1.5], [1.5]),
        (Feature("x", FeatureKind.INTEGER), [1.5, 2.0], [2]),
        (Feature("x", FeatureKind.BOOLEAN), [0, 1, 2], [0, 1]),
        (Feature("x", FeatureKind.NUMBER, minimum=9), [1, 2], [1, 2]),
    ],
)
def test_only_legal_numbers_are_tried_when_there_are_some(
    tmp_path: Path, feature: Feature, values: list[float], legal: list[float]
) -> None:
    signature = Signature((feature,), REGRESSION.target)
    rows = looked_at(tmp_path, pd.DataFrame({"x": values, "risk": 1.0}), signature)
    assert np.array_equal(rows.numbers[:, 0], np.array(legal, dtype=float), equal_nan=True)


@pytest.mark.parametrize(
    ("feature", "legal"),
    [
        (Feature("x", FeatureKind.CATEGORY, choices=("a",)), ["a"]),
        (Feature("x", FeatureKind.CATEGORY, choices=("a",), nullable=True), ["a", None]),
        (Feature("x", FeatureKind.CATEGORY, open_choices=True), ["a", "b"]),
    ],
)
def test_only_legal_texts_are_tried(
    tmp_path: Path, feature: Feature, legal: list[str | None]
) -> None:
    signature = Signature((feature,), REGRESSION.target)
    frame = pd.DataFrame({"x": ["a", "b", None], "risk": 1.0})
    rows = looked_at(tmp_path, frame, signature)
    assert rows.texts == (legal,)
    assert rows.numbers.shape == (len(legal), 0)
