"""What is told of predictions, over real HTTP, as readers of the log find it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import redis
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from tests.fakes.serving import artifact_of, deployment, entries, eventually, flower_model, served
from tests.serving_process import ServingProcess, serving_process
from understudy.client import ServingClient
from understudy.contracts.elsewhere import ToldChallenger, ToldMain, ToldPrediction
from understudy.contracts.events import (
    PredictionBatch,
    decode_labels,
    decode_pairs,
    decode_predictions,
    decode_protected,
    labels_key,
    pairs_key,
    predictions_key,
    protected_key,
    unpack,
)
from understudy.contracts.serving import (
    LabelCorrection,
    LabelRequest,
    LabelStatus,
    ProtectedRequest,
)

ROW = {"length": 1.5, "width": 2.5}
KNOWN, UNKNOWN = {"length": 1.0, "width": 2.0}, {"length": 6.0, "width": 2.0}


def fussy_model() -> Any:
    """Raises for rows that are neither `KNOWN` nor the signature's example, all of them legal."""
    known = OneHotEncoder(categories=[[1.0, 5.1], [2.0, 3.5]], handle_unknown="error")
    model = make_pipeline(known, LogisticRegression())
    return model.fit(np.array([[1.0, 2.0], [5.1, 3.5]]), np.array(["setosa", "virginica"]))


@pytest.fixture(scope="module")
def serving(
    tmp_path_factory: pytest.TempPathFactory, redis_server: str
) -> Iterator[ServingProcess]:
    with redis.Redis.from_url(redis_server) as client:
        client.flushall()
    folder: Path = tmp_path_factory.mktemp("telling")
    with serving_process(folder, redis_server, workers=1) as running:
        registry = running.registry
        flowers, fussy = (
            registry.store(artifact_of(model)) for model in (flower_model(), fussy_model())
        )
        registry.publish(
            deployment([served(1, flowers), served(2, flowers)], release=2, challengers=(2,)),
            deployment([served(1, fussy)], name="fussy"),
        )

        def there() -> bool:
            url = f"{running.url}/v1/deployments/fussy/predict"
            told = httpx.get(f"{running.url}/readyz").json()
            return bool(told) and httpx.post(url, json=KNOWN).status_code == 200

        eventually(there, 30.0)
        yield running


@pytest.fixture
def client(serving: ServingProcess) -> Iterator[ServingClient]:
    with ServingClient(serving.url, serving.registry.admin.plaintext) as client:
        yield client


@pytest.fixture
def log(redis_server: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_server) as found:
        yield found


def predictions(log: redis.Redis, name: str) -> list[PredictionBatch]:
    """Entries that hold predictions whose ids begin so."""
    found = [
        decode_predictions(fields)
        for deployment in ("flowers", "fussy")
        for fields in entries(log, predictions_key(deployment))
    ]
    return [batch for batch in found if batch.ids[0].startswith(name)]


def test_attributes_and_rows_part_ways(client: ServingClient, log: redis.Redis) -> None:
    groups: list[dict[str, str | bool]] = [{"sex": "f", "old": True}, {}]
    answers = client.predict_many("flowers", [ROW, ROW], "apart", groups)
    assert [answer.prediction_id for answer in answers] == ["apart.0", "apart.1"]
    results = client.protect(
        "flowers",
        [
            ProtectedRequest(prediction_id="apart.1", attributes={"sex": "m"}),
            ProtectedRequest(prediction_id="apart.1", attributes={"width": 1}),
        ],
    ).results
    assert [result.status for result in results] == [LabelStatus.ACCEPTED, LabelStatus.REFUSED]
    told = [decode_protected(fields) for fields in entries(log, protected_key("flowers"))]
    items = {item.prediction_id: item.attributes for entry in told for item in entry.items}
    assert items == {"apart.0": {"sex": "f", "old": "true"}, "apart.1": {"sex": "m"}}
    (batch,) = predictions(log, "apart")
    assert {column.name for column in batch.columns} == {"length", "width"}


def test_a_correction_comes_after_what_it_corrects(client: ServingClient, log: redis.Redis) -> None:
    wrong = LabelRequest(prediction_id="wrong", label="setosa")
    client.label("flowers", [wrong, wrong])
    result = client.correct("flowers", "wrong", LabelCorrection(label="virginica"))
    assert result.status is LabelStatus.ACCEPTED
    found = [decode_labels(fields) for fields in entries(log, labels_key("flowers"))]
    events = [item for entry in found for item in entry.items if item.prediction_id == "wrong"]
    assert [event.label for event in events] == ["setosa", "setosa", "virginica"]
    times = [event.received_at for event in events]
    assert times == sorted(set(times))


def test_rows_that_the_model_fails_on_leave_a_trace(
    serving: ServingProcess, log: redis.Redis
) -> None:
    url = f"{serving.url}/v1/deployments/fussy/predict"
    refused = httpx.post(url, json=UNKNOWN, params={"prediction_id": "fails"})
    assert (refused.status_code, refused.json()["code"]) == (500, "scoring_failed")
    rows = {"rows": [KNOWN, UNKNOWN, KNOWN], "protected": [{}, {"sex": "f"}, {}]}
    refused = httpx.post(url, json=rows, params={"prediction_id": "fails-too"})
    assert refused.status_code == 500
    assert httpx.post(url, json=KNOWN, params={"prediction_id": "fine"}).status_code == 200

    def logged() -> bool:
        return len(predictions(log, "fails")) == 2 and bool(predictions(log, "fine"))

    eventually(logged)
    failed = predictions(log, "fails")
    assert [batch.ids for batch in failed] == [["fails"], ["fails-too.1"]]
    for batch in failed:
        assert np.isnan(unpack(batch.scores.values)).all()
        assert (unpack(batch.seconds) > 0.0).all()
    told = [decode_protected(fields) for fields in entries(log, protected_key("fussy"))]
    assert [item.prediction_id for entry in told for item in entry.items] == ["fails-too.1"]
    assert "sex" not in serving.log
    assert "scoring_failed" in serving.log


def test_predictions_made_elsewhere_are_in_the_log(client: ServingClient, log: redis.Redis) -> None:
    main = ToldMain(
        prediction="setosa", probabilities={"setosa": 0.9, "virginica": 0.1}, seconds=0.25
    )
    when = datetime.now(UTC) - timedelta(hours=1)
    other = ToldChallenger(version=2, prediction=None, error="no memory")
    results = client.log_predictions(
        "flowers",
        [
            ToldPrediction(prediction_id="told.1", row=ROW, main=main, at=when),
            ToldPrediction(prediction_id="told.2", row=ROW, main=main, challengers=(other,)),
            ToldPrediction(prediction_id="told.3", row={"length": 99.0}, main=main),
        ],
    ).results
    assert [result.status for result in results] == ["accepted", "accepted", "refused"]
    assert "row/width" in str(results[2].message)
    owed, done = predictions(log, "told")
    assert (owed.ids, owed.challengers, owed.elsewhere) == (["told.1"], (2,), True)
    assert unpack(owed.at).tolist() == [when.timestamp()]
    assert unpack(owed.seconds).tolist() == [0.25]
    assert (done.ids, done.challengers) == (["told.2"], ())
    (pair,) = [decode_pairs(fields) for fields in entries(log, pairs_key("flowers"))]
    assert (pair.ids, pair.outcomes, pair.error) == (["told.2"], ["error"], "no memory")


@pytest.mark.parametrize("verb", ["labels", "protected", "predictions"])
@pytest.mark.parametrize(
    "body", ["", "{", "NaN", "5", "[5]", '{"x": 1}', "[" * 10_000, "1" * 2_000_000]
)
def test_bodies_that_are_none_are_refused(serving: ServingProcess, verb: str, body: str) -> None:
    url = f"{serving.url}/v1/deployments/flowers/{verb}"
    key = {"X-API-Key": serving.registry.admin.plaintext}
    assert httpx.post(url, content=body).status_code == 401
    answer = httpx.post(url, content=body, headers=key)
    assert answer.status_code in {400, 413, 422}
    assert json.loads(answer.text)["code"]


def test_what_was_told_is_counted(serving: ServingProcess, client: ServingClient) -> None:
    client.protect("flowers", [ProtectedRequest(prediction_id="n", attributes={"sex": "f"})])
    text = serving.metrics()
    assert 'understudy_protected_total{deployment="flowers",status="accepted"}' in text
    assert 'understudy_told_predictions_total{deployment="flowers",role="challenger"' in text
