"""Iris: three species told apart by four lengths. Public, small, and made for the form."""

from typing import Final

import numpy as np
import pandas as pd
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from examples.candidates import Candidate, Example, Outcome, Recipe, candidate, rows_of
from understudy.contracts.judging import ComparisonTerms, Judging
from understudy.contracts.policy import Policy
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import AccessLevel, FeatureKind, Task

SPECIES: Final = ("setosa", "versicolor", "virginica")
LENGTHS: Final = {
    # name: (label, what it is, typical value)
    "sepal_length": ("Sepal length", "The outer leaf of the blossom, from base to tip.", 5.8),
    "sepal_width": ("Sepal width", "The outer leaf of the blossom, at its widest.", 3.0),
    "petal_length": ("Petal length", "The inner, coloured leaf, from base to tip.", 4.3),
    "petal_width": ("Petal width", "The inner, coloured leaf, at its widest.", 1.3),
}

SIGNATURE: Final = Signature(
    features=tuple(
        Feature(
            name,
            FeatureKind.NUMBER,
            label=label,
            description=description,
            unit="cm",
            minimum=0.0,
            maximum=30.0,
            example=example,
        )
        for name, (label, description, example) in LENGTHS.items()
    ),
    target=Target("species", Task.CLASSIFICATION, classes=SPECIES, label="Species"),
)


def blossoms() -> pd.DataFrame:
    """The 150 blossoms that Anderson measured and Fisher made known in 1936."""
    measured = load_iris()
    frame = pd.DataFrame(measured.data, columns=list(LENGTHS))
    frame["species"] = pd.Series(np.array(SPECIES, object)[measured.target], dtype=object)
    return frame


def train_logistic_regression() -> Candidate:
    """The main version."""
    return _train(LogisticRegression(max_iter=1_000))


def train_nearest_neighbours() -> Candidate:
    """The challenger: what the nine most similar blossoms are."""
    return _train(KNeighborsClassifier(n_neighbors=9, algorithm="brute"))


def draw(rows: int, seed: int) -> list[Outcome]:
    """Blossoms like the measured ones: drawn from them, each length a little off."""
    rng = np.random.default_rng(seed)
    drawn = blossoms().sample(rows, replace=True, random_state=rng)
    lengths = drawn[list(LENGTHS)] + rng.normal(0.0, 0.05, (rows, len(LENGTHS)))
    found = rows_of(lengths.clip(lower=0.1).round(1), SIGNATURE)
    return [Outcome(row, label) for row, label in zip(found, drawn["species"], strict=True)]


def _train(classifier: LogisticRegression | KNeighborsClassifier) -> Candidate:
    train, held_out = train_test_split(
        blossoms(), test_size=0.3, random_state=0, stratify=blossoms()["species"]
    )
    return candidate(make_pipeline(StandardScaler(), classifier), SIGNATURE, train, held_out)


EXAMPLE: Final = Example(
    name="iris",
    description="Which species of iris is it? Told by the lengths of its leaves.",
    access=AccessLevel.PUBLIC,
    recipes=(
        Recipe("logistic regression", train_logistic_regression),
        Recipe("nearest neighbours", train_nearest_neighbours),
    ),
    draw=draw,
    # Labels come at once.
    policy=Policy(judging=Judging(ComparisonTerms(label_horizon_seconds=0))),
)
