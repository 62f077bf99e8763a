"""Small worlds with and without faults, for reviews."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from services.registry.adapters.reviewing.subject import Subject
from tests.fakes import reviewing
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, Task

# Time enough to ask for all rows, however busy the machine is.
subject_of = partial(reviewing.subject_of, seconds=10_000.0)
LABEL = Target("paid", Task.CLASSIFICATION, ("no", "yes"))
PRICE = Target("price", Task.REGRESSION)


def number(name: str, *, nullable: bool = False) -> Feature:
    return Feature(name, FeatureKind.NUMBER, nullable=nullable)


def integer(name: str) -> Feature:
    return Feature(name, FeatureKind.INTEGER)


def category(name: str, *, nullable: bool = False) -> Feature:
    return Feature(name, FeatureKind.CATEGORY, open_choices=True, nullable=nullable)


def signature(*features: Feature, target: Target = LABEL) -> Signature:
    return Signature(features, target)


def applicants(rows: int, seed: int = 0) -> pd.DataFrame:
    """Income and age tell the label somewhat, noise does not."""
    draw = np.random.default_rng(seed)
    income, age, noise = draw.normal(size=(3, rows))
    paid = 1.5 * income + 0.8 * age + draw.logistic(size=rows) > 0
    labels = np.where(paid, "yes", "no")
    return pd.DataFrame({"income": income, "age": age, "noise": noise, "paid": labels})


PLAIN = signature(number("income"), number("age"), number("noise"))
NULLABLE = signature(
    number("income", nullable=True), number("age", nullable=True), number("noise", nullable=True)
)


def linear(frame: pd.DataFrame, names: list[str]) -> Any:
    model = make_pipeline(StandardScaler(), LogisticRegression())
    return model.fit(frame[names].to_numpy(dtype=float), frame["paid"])


def boosted(frame: pd.DataFrame, names: list[str]) -> Any:
    model = HistGradientBoostingClassifier(max_iter=20, random_state=0)
    return model.fit(frame[names].to_numpy(dtype=float), frame["paid"])


def with_towns(frame: pd.DataFrame, names: list[str], town: str) -> Any:
    columns = ColumnTransformer(
        [
            ("numbers", "passthrough", list(range(len(names)))),
            ("town", OneHotEncoder(handle_unknown="ignore", sparse_output=False), [len(names)]),
        ]
    )
    model = make_pipeline(columns, LogisticRegression(max_iter=1_000))
    return model.fit(frame[[*names, town]].to_numpy(dtype=object), frame["paid"])


def plain(folder: Path, rows: int = 1_500) -> Subject:
    """Income, age and noise, a linear model, a third held out."""
    train, held = applicants(rows), applicants(rows // 2, seed=1)
    model = linear(train, ["income", "age", "noise"])
    return subject_of(folder, model, PLAIN, train, held)
