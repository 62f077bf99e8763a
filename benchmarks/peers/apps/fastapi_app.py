"""As FastAPI's documentation writes it: a pydantic body, an `async` path operation."""

import os

import joblib
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()
model = joblib.load(os.environ["BENCH_MODEL"])


class Rows(BaseModel):
    """What is asked."""

    rows: list[list[float]]


@app.post("/predict")
async def predict(asked: Rows) -> dict[str, list[list[float]]]:
    """Both classes' probabilities of each row."""
    return {"probabilities": model.predict_proba(asked.rows).tolist()}
