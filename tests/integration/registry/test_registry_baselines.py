"""A version's baseline as a real registration measures it, against scikit-learn in this process."""

import io
import math
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier

from .conftest import RegistryProcess, digest_of, make_model, upload

START = datetime(2026, 3, 1, tzinfo=UTC)
SIGNATURE: dict[str, Any] = {
    "features": [
        {"name": "income", "kind": "number", "minimum": 0, "maximum": 10},
        {"name": "noise", "kind": "number"},
        {"name": "flag", "kind": "boolean"},
    ],
    # Not in the order of the model, which sorts them.
    "target": {"name": "risk", "task": "classification", "classes": ["no", "yes", "maybe"]},
}
NAMES = ["income", "noise", "flag"]
CLASSES = ["no", "yes", "maybe"]
REGRESSION = SIGNATURE | {"target": {"name": "price", "task": "regression"}}


def drawn(rows: int, seed: int) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    income, flag = draw.uniform(0, 10, rows), draw.integers(0, 2, rows)
    score = income + 2 * flag + draw.normal(0, 1, rows)
    return pd.DataFrame(
        {
            "income": income,
            "noise": draw.normal(0, 1, rows),
            "flag": flag.astype(bool),
            "risk": np.select([score < 4, score < 8], ["no", "maybe"], "yes").astype(object),
            "price": score,
            "seen_at": [START + timedelta(seconds=int(s)) for s in draw.permutation(rows)],
        }
    )


TRAINING = drawn(600, 1)
EVALUATION = drawn(500, 2)
# What no caller could ask, what has no label, and what has no time.
EVALUATION.loc[0, "income"] = 11.0
EVALUATION.loc[1, "risk"] = None
EVALUATION.loc[1, "price"] = np.nan
EVALUATION.loc[2, "seen_at"] = pd.NaT


NEVER = np.datetime64("NaT")


def parquet_of(rows: pd.DataFrame) -> bytes:
    out = io.BytesIO()
    rows.to_parquet(out, index=False)
    return out.getvalue()


@pytest.fixture(scope="module")
def client(registry_process: RegistryProcess) -> object:
    with registry_process.client() as http:
        make_model(http, "measured")
        yield http


def register(client: httpx.Client, model: object, **members: object) -> httpx.Response:
    body = {
        "artifact": upload(client, skops.io.dumps(model)),
        "reference": upload(client, parquet_of(TRAINING)),
        "signature": SIGNATURE,
        **members,
    }
    return client.post("/v1/models/measured/versions", json=body)


def trained(model: Any, target: str = "risk") -> Any:
    return model.fit(TRAINING[NAMES].astype(float).to_numpy(), TRAINING[target])


def answers(client: httpx.Client, version: dict[str, Any]) -> pd.DataFrame:
    content = client.get(f"/v1/artifacts/{version['baseline']['file']}").content
    assert digest_of(content) == version["baseline"]["file"]
    return pd.read_parquet(io.BytesIO(content))


def in_time(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows that may be asked, in the order of time."""
    legal = rows[(rows["income"] <= 10) & rows["seen_at"].notna()]
    return legal.sort_values("seen_at")


def test_a_classifier_is_measured_on_its_evaluation_sample(client: httpx.Client) -> None:
    model = trained(LogisticRegression(max_iter=1_000))
    evaluation = upload(client, parquet_of(EVALUATION))
    answer = register(client, model, evaluation=evaluation, time_column="seen_at")
    assert answer.status_code == 201, answer.text
    version = answer.json()
    assert (version["evaluation"], version["time_column"]) == (evaluation, "seen_at")
    baseline = version["baseline"]
    assert (baseline["sample"], baseline["rows"]) == ("evaluation", 498)
    rows, found = in_time(EVALUATION), answers(client, version)
    inputs = rows[NAMES].astype(float).to_numpy()
    order = [list(model.classes_).index(name) for name in CLASSES]
    assert np.array_equal(
        found[["p0", "p1", "p2"]].to_numpy(), model.predict_proba(inputs)[:, order]
    )
    assert found["value"].tolist() == [CLASSES.index(c) for c in model.predict(inputs)]
    labels = [np.nan if pd.isna(c) else CLASSES.index(c) for c in rows["risk"]]
    assert np.array_equal(found["label"], labels, equal_nan=True)
    assert found["at"].tolist() == [at.timestamp() for at in rows["seen_at"]]
    importances = baseline["importances"]
    assert importances["noise"] < 0.02 < importances["flag"] < importances["income"]


def test_importances_are_those_that_scikit_learn_measures(client: httpx.Client) -> None:
    model = trained(LinearRegression(), "price")
    evaluation = upload(client, parquet_of(EVALUATION))
    version = register(client, model, evaluation=evaluation, signature=REGRESSION).json()
    rows = EVALUATION[(EVALUATION["income"] <= 10) & EVALUATION["price"].notna()]
    oracle = permutation_importance(
        *(model, rows[NAMES].astype(float).to_numpy(), rows["price"]),
        scoring="neg_mean_absolute_error",
        n_repeats=20,
        random_state=0,
    ).importances_mean
    found = [version["baseline"]["importances"][name] for name in NAMES]
    assert found == pytest.approx(oracle, abs=0.08)
    assert "at" not in answers(client, version)
    off = np.sort(np.abs(model.predict(rows[NAMES].astype(float).to_numpy()) - rows["price"]))
    place = math.ceil((len(off) + 1) * 0.9)
    assert version["baseline"]["interval"] == {
        "level": 0.9,
        "half_width": pytest.approx(off[place - 1]),
        "rows": len(off),
    }


def test_without_an_evaluation_sample_the_reference_is_taken(client: httpx.Client) -> None:
    ridge = trained(RidgeClassifier())
    version = register(client, ridge).json()
    assert (version["baseline"]["sample"], version["baseline"]["rows"]) == ("reference", 600)
    assert version["baseline"]["interval"] is None
    found = answers(client, version)
    assert list(found) == ["value", "label", "row"]
    expected = ridge.predict(TRAINING[NAMES].astype(float).to_numpy())
    assert found["value"].tolist() == [CLASSES.index(c) for c in expected]
    labels = [CLASSES.index(c) for c in TRAINING["risk"]]
    assert found["label"].tolist() == labels
    wrong = np.mean(found["value"] != found["label"])
    # Shuffling a column can't make a good model right more often than its own error rate allows.
    assert 0 < version["baseline"]["importances"]["income"] <= 1 - wrong


@pytest.mark.parametrize(
    ("evaluation", "time_column", "pointer", "words"),
    [
        (EVALUATION.drop(columns="flag"), None, "/evaluation", "column 'flag' is missing"),
        (EVALUATION.head(0), None, "/evaluation", "no rows"),
        (EVALUATION.drop(columns="seen_at"), "seen_at", "/time_column", "in the evaluation sample"),
        (EVALUATION, "risk", "/time_column", "is the target"),
        (EVALUATION, "flag", "/time_column", "is bool, not a time"),
        (EVALUATION.assign(seen_at=NEVER), "seen_at", "/time_column", "all of it is null"),
        (EVALUATION.assign(seen_at=1.7e12), "seen_at", "/time_column", "divide milliseconds"),
    ],
)
def test_a_sample_that_can_not_be_used_is_refused(
    *,
    client: httpx.Client,
    evaluation: pd.DataFrame,
    time_column: str | None,
    pointer: str,
    words: str,
) -> None:
    members = {"evaluation": upload(client, parquet_of(evaluation))}
    if time_column is not None:
        members["time_column"] = time_column
    answer = register(client, trained(RidgeClassifier()), **members)
    assert answer.status_code == 422, answer.text
    assert {error["pointer"] for error in answer.json()["errors"]} == {pointer}
    assert words in answer.json()["detail"]


def test_an_evaluation_sample_is_uploaded_first(client: httpx.Client) -> None:
    answer = register(client, trained(RidgeClassifier()), evaluation="e" * 64)
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_reference")
    assert answer.json()["errors"][0]["pointer"] == "/evaluation"


def test_followers_are_told_and_may_fetch_it(
    client: httpx.Client, registry_process: RegistryProcess
) -> None:
    ridge = trained(RidgeClassifier())
    number = register(client, ridge, time_column="seen_at").json()["version"]
    decided = client.post(
        f"/v1/models/measured/versions/{number}/decision", json={"decision": "deploy"}
    )
    assert decided.status_code == 200
    deployment = {"name": "measured", "model": "measured", "main": number}
    assert client.post("/v1/deployments", json=deployment).status_code == 201
    with registry_process.client("us_service01_bbbbbbbbbbbbbbbbbbbbbbbbbbbb") as follower:
        (found,) = (
            held
            for held in follower.get("/v1/snapshot").json()["deployments"]
            if held["name"] == "measured"
        )
        (served,) = found["versions"]
        assert served["time_column"] == "seen_at"
        assert follower.get(f"/v1/artifacts/{served['baseline']['file']}").status_code == 200
