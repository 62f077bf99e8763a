"""As BentoML's tutorial writes it, plain and with adaptive batching."""

import os

import bentoml
import joblib
import numpy as np

LEAN = {"workers": 1, "logging": {"access": {"enabled": False}}}


@bentoml.service(**LEAN)
class Plain:
    """One call of the model for each request."""

    def __init__(self) -> None:
        self.model = joblib.load(os.environ["BENCH_MODEL"])

    @bentoml.api
    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Both classes' probabilities of each row."""
        return self.model.predict_proba(rows)


@bentoml.service(**LEAN)
class Batching:
    """One call of the model for what has gathered, as the dispatcher sees fit."""

    def __init__(self) -> None:
        self.model = joblib.load(os.environ["BENCH_MODEL"])

    @bentoml.api(batchable=True, max_batch_size=1_024)
    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Both classes' probabilities of each row."""
        return self.model.predict_proba(rows)
