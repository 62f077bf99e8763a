"""Writes the model as MLflow wants it, into the folder that is named."""

import os
import sys

import joblib
import mlflow

if __name__ == "__main__":
    mlflow.sklearn.save_model(
        joblib.load(os.environ["BENCH_MODEL"]),
        sys.argv[1],
        serialization_format="cloudpickle",
        pyfunc_predict_fn="predict_proba",
        pip_requirements=[],
    )
