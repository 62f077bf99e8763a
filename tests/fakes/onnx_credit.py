"""The credit example's logistic regression as skl2onnx can convert it, with its ONNX model."""

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from examples.credit.signature import SIGNATURE
from examples.credit.train import past_loans
from tests.fakes.onnx_files import by_name, with_properties
from understudy.inference.onnx_model import NULLS

NO_HOME: Final = json.dumps({"home_ownership": ""})
"""The encoder has no column for it, as it has none for a missing value."""
_NUMBERS: Final = [i for i, feature in enumerate(SIGNATURE.features) if feature.numeric]
_CATEGORIES: Final = [i for i, feature in enumerate(SIGNATURE.features) if not feature.numeric]


@dataclass(frozen=True, slots=True, eq=False)
class Credit:
    """A fitted pipeline, its ONNX model, and samples."""

    model: Any
    content: bytes
    reference: pd.DataFrame
    evaluation: pd.DataFrame


@lru_cache(maxsize=1)
def credit() -> Credit:
    """Without the example's indicators of missing values, which skl2onnx does not know."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    choices = [list(SIGNATURE.features[i].choices) for i in _CATEGORIES]
    categories = OneHotEncoder(categories=choices, handle_unknown="ignore", sparse_output=False)
    columns = ColumnTransformer(
        [("numbers", numbers, _NUMBERS), ("categories", categories, _CATEGORIES)]
    )
    model = Pipeline([("columns", columns), ("classifier", LogisticRegression(max_iter=1_000))])
    reference, evaluation = past_loans(3_000, seed=1), past_loans(3_000, seed=2)
    model.fit(reference[[*SIGNATURE.names]], reference[SIGNATURE.target.name])
    content = with_properties(by_name(model, SIGNATURE), {NULLS: NO_HOME})
    kept = [*SIGNATURE.names, SIGNATURE.target.name]
    return Credit(model, content, reference[kept], evaluation[kept])
