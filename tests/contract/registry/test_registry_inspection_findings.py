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

from services.registry.adapters.inspection import Finding
from services.registry.adapters.inspection import Task as Inspection
from services.registry.adapters.inspection_fit import findings
from services.registry.adapters.inspection_sample import look
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, Task

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
    if looked.problems:
        return looked.problems, ()
    task = Inspection(
        artifact=str(artifact),
        reference=str(reference),
        signature=signature,
        trusted=(),
        cpu_seconds=60,
        memory_bytes=4 << 30,
    )
    return (), findings(task, looked.rows)


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
