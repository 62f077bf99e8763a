"""Saves one model in every format that MLflow's sklearn flavour has."""

import json
import sys
import warnings
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

warnings.simplefilter("ignore")
told = json.load(sys.stdin)
folder = Path(told["folder"])
draw = np.random.default_rng(1)
rows = pd.DataFrame({"age": draw.integers(18, 99, 300), "income": draw.gamma(2, 2e4, 300)})
answers = np.where(rows["income"] + draw.normal(0, 1e4, 300) < 3e4, "yes", "no")
model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, answers)
signature = infer_signature(rows, model.predict(rows))
for kept in ("skops", "pickle", "cloudpickle"):
    mlflow.sklearn.save_model(
        model,
        folder / kept,
        serialization_format=kept,
        signature=signature,
        pip_requirements=["scikit-learn"],
        metadata={"team": "risk"},
    )
rows.assign(defaults=answers).to_parquet(folder / "reference.parquet")
json.dump([], sys.stdout)
