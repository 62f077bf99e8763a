"""The models that every server answers with: drawn data, a fixed seed, a file for each taste."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Self

import joblib
import numpy as np
import skops.io
from numpy.typing import NDArray
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

Floats = NDArray[np.float64]

SEED: Final = 20261121
TRAINING_ROWS: Final = 5_000
DECIMALS: Final = 4
"""Of the values that are asked about, so that JSON carries them as people's data looks."""


class Kind(StrEnum):
    """Which estimator."""

    LINEAR = "linear"
    FOREST = "forest"
    BOOSTING = "boosting"


@dataclass(frozen=True, slots=True)
class ModelName:
    """`forest`, or `linear-300` where it is not 30 numeric features."""

    kind: Kind
    features: int = 30

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError for what is no model's name."""
        kind, _, features = text.partition("-")
        return cls(Kind(kind), int(features) if features else 30)

    def __str__(self) -> str:
        return self.kind if self.features == 30 else f"{self.kind}-{self.features}"


@dataclass(frozen=True, slots=True)
class Model:
    """One trained model in its files, with the data it was made from."""

    name: ModelName
    folder: Path
    estimator: Any
    rows: Floats
    """Training rows, shape (rows, features)."""
    labels: NDArray[np.int64]

    @property
    def joblib(self) -> Path:
        """For peers that load pickles."""
        return self.folder / "model.joblib"

    @property
    def skops(self) -> Path:
        """For ours."""
        return self.folder / "model.skops"

    @property
    def challenger(self) -> Path:
        """The same kind, trained with another seed on half of the rows; skops."""
        return self.folder / "challenger.skops"

    def draw(self, count: int, seed: int) -> Floats:
        """Rows to ask about, shape (count, features): mixtures of two training rows each."""
        rng = np.random.default_rng(seed)
        first, second = rng.integers(0, len(self.rows), (2, count))
        share = rng.random((count, 1))
        mixed: Floats = share * self.rows[first] + (1 - share) * self.rows[second]
        return np.round(mixed, DECIMALS)

    def probabilities(self, rows: Floats) -> Floats:
        """What is right: the probability of class 1 of each row."""
        with threadpool_limits(1):
            found = self.estimator.predict_proba(rows)
        return np.asarray(found[:, 1], dtype=np.float64)


def train(name: ModelName, folder: Path) -> Model:
    """Train both versions and write all files into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    rows, labels = make_classification(
        TRAINING_ROWS,
        name.features,
        n_informative=min(12, name.features),
        n_redundant=0,
        random_state=SEED,
    )
    model = Model(name, folder, _fit(name.kind, rows, labels, SEED), rows, labels)
    joblib.dump(model.estimator, model.joblib)
    skops.io.dump(model.estimator, model.skops)
    half = TRAINING_ROWS // 2
    skops.io.dump(_fit(name.kind, rows[:half], labels[:half], SEED + 1), model.challenger)
    return model


def _fit(kind: Kind, rows: Floats, labels: NDArray[np.int64], seed: int) -> Any:
    # Fitted on arrays: asking a model that was fitted on a frame costs every server a frame.
    estimator = _estimator(kind, seed)
    with threadpool_limits(1):
        estimator.fit(rows, labels)
    return estimator


def _estimator(kind: Kind, seed: int) -> Any:
    match kind:
        case Kind.LINEAR:
            return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1_000))
        case Kind.FOREST:
            return RandomForestClassifier(100, n_jobs=1, random_state=seed)
        case Kind.BOOSTING:
            return HistGradientBoostingClassifier(random_state=seed)
