"""Frames and models for tests of reviews: clean ones, into which faults are planted."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from services.registry.adapters.reviewing.subject import Subject
from tests.fakes.reviewing import subject_of
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, Task

FEATURES: Final = (
    Feature("income", FeatureKind.NUMBER, minimum=0.0),
    Feature("debt", FeatureKind.NUMBER, nullable=True),
    Feature("age", FeatureKind.INTEGER, minimum=18.0, maximum=110.0),
    Feature("owner", FeatureKind.BOOLEAN),
    Feature("home", FeatureKind.CATEGORY, choices=("rent", "own", "mortgage")),
)
NAMES: Final = [feature.name for feature in FEATURES]
CLASSES: Final = Signature(FEATURES, Target("bad", Task.CLASSIFICATION, (False, True)))
NUMBERS: Final = Signature(FEATURES, Target("loss", Task.REGRESSION))
ATTRIBUTES: Final = ("sex", "years", "region")
Change = Callable[[pd.DataFrame], Any]


def clean(rows: int, seed: int, base_rate: float = 0.3) -> pd.DataFrame:
    """Applicants whose label hangs on debt and age; attributes hang on nothing."""
    rng = np.random.default_rng(seed)
    debt, age = rng.normal(size=rows), rng.integers(18, 90, rows)
    score = debt + (age - 54) / 40 + rng.logistic(size=rows)
    bad = score > np.quantile(score, 1.0 - base_rate)
    return pd.DataFrame(
        {
            "income": rng.lognormal(10.0, 0.4, rows),
            "debt": np.where(rng.random(rows) < 0.05, np.nan, debt),
            "age": age,
            "owner": rng.random(rows) < 0.4,
            "home": rng.choice(["rent", "own", "mortgage"], rows),
            "bad": bad,
            "loss": 100.0 * score + rng.normal(size=rows),
            "sex": np.where(rng.random(rows) < 0.5, "f", "m"),
            "years": rng.integers(18, 80, rows),
            "region": np.array(["north", "south", None])[rng.choice(3, rows, p=[0.5, 0.4, 0.1])],
        }
    )


def reviewed(
    folder: Path,
    reference: pd.DataFrame,
    evaluation: pd.DataFrame | None = None,
    *,
    signature: Signature = CLASSES,
    trained_on: pd.DataFrame | None = None,
    **more: Any,
) -> Subject:
    """A subject of these samples, with a model that was fitted on clean rows (or on others)."""
    model, rows = fitted(signature, clean(500, 99) if trained_on is None else trained_on), more
    return subject_of(folder, model, signature, reference, evaluation, **rows)


def fitted(signature: Signature, rows: pd.DataFrame) -> Pipeline:
    """Linear in debt and age alone, missing debt is none."""
    learner = (
        LogisticRegression(max_iter=1_000)
        if signature.target.task is Task.CLASSIFICATION
        else LinearRegression()
    )
    columns = ColumnTransformer(
        [
            ("debt", SimpleImputer(strategy="constant", fill_value=0.0), ["debt"]),
            ("age", "passthrough", ["age"]),
        ]
    )
    return make_pipeline(columns, learner).fit(rows[NAMES], rows[signature.target.name])
