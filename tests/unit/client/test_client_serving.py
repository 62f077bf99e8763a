from collections.abc import Iterator

import numpy as np
import pytest

from tests.fakes.scripted_http import Script, scripted_server
from understudy.client import MonitorClient, ProblemError, ServingClient
from understudy.contracts.serving import (
    LabelRequest,
    LabelResult,
    LabelResults,
    LabelStatus,
    ModelRef,
    Prediction,
    Predictions,
)
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, Task

ANSWER = Prediction(
    prediction_id="p1",
    prediction="good",
    probabilities={"bad": 0.1, "good": 0.9},
    model=ModelRef(name="risk", version=1),
)


@pytest.fixture
def server() -> Iterator[Script]:
    with scripted_server() as script:
        yield script


@pytest.fixture
def serving(server: Script) -> Iterator[ServingClient]:
    with ServingClient(server.url) as client:
        yield client


def test_one_row(server: Script, serving: ServingClient) -> None:
    server.on("POST", "/v1/deployments/risk/predict", ANSWER)
    row = {"age": np.int64(40), "income": np.float32(0.5), "job": "cook", "cars": None}
    assert serving.predict("risk", row, prediction_id="p1") == ANSWER
    (asked,) = server.asked
    assert asked.json == {"age": 40, "income": 0.5, "job": "cook", "cars": None}
    assert asked.query == {"prediction_id": "p1"}
    assert "Authorization" not in asked.headers


def test_many_rows(server: Script, serving: ServingClient) -> None:
    server.on("POST", "/v1/deployments/risk/predict", Predictions(predictions=(ANSWER, ANSWER)))
    assert serving.predict_many("risk", [{"age": 1}, {"age": 2}]) == (ANSWER, ANSWER)
    assert server.asked[0].json == {"rows": [{"age": 1}, {"age": 2}]}


def test_many_rows_by_one_name(server: Script, serving: ServingClient) -> None:
    server.on("POST", "/v1/deployments/risk/predict", Predictions(predictions=(ANSWER, ANSWER)))
    serving.predict_many("risk", [{"age": 1}, {"age": 2}], prediction_id="night/ü&1")
    assert server.asked[0].query == {"prediction_id": "night/ü&1"}


def test_an_empty_id_is_not_dropped(server: Script, serving: ServingClient) -> None:
    with pytest.raises(ValueError, match="prediction_id is empty"):
        serving.predict("risk", {"age": 1}, prediction_id="")
    assert server.asked == []


def test_what_has_no_place_in_json_is_named(serving: ServingClient) -> None:
    with pytest.raises(TypeError, match="no place in JSON"):
        serving.predict("risk", {"age": object()})


def test_labels(server: Script, serving: ServingClient) -> None:
    results = LabelResults(results=(LabelResult(prediction_id="p1", status=LabelStatus.ACCEPTED),))
    server.on("POST", "/v1/deployments/risk/labels", results, 202)
    assert serving.label("risk", [LabelRequest(prediction_id="p1", label="good")]) == results
    assert server.asked[0].json == [{"prediction_id": "p1", "label": "good"}]


def test_the_signature_is_a_plain_value(server: Script, serving: ServingClient) -> None:
    signature = Signature(
        (Feature("age", FeatureKind.INTEGER, minimum=18),),
        Target("risk", Task.CLASSIFICATION, ("bad", "good")),
    )
    body = {
        "features": [{"name": "age", "kind": "integer", "minimum": 18}],
        "target": {"name": "risk", "task": "classification", "classes": ["bad", "good"]},
    }
    server.on("GET", "/v1/deployments/risk/signature", body)
    assert serving.signature("risk") == signature


def test_a_posted_row_is_not_sent_twice(server: Script, serving: ServingClient) -> None:
    server.problem("POST", "/v1/deployments/risk/predict", 503, "Not ready.", None)
    with pytest.raises(ProblemError, match=r"Not ready\."):
        serving.predict("risk", {"age": 1})
    assert len(server.asked) == 1


def test_the_report_is_text(server: Script) -> None:
    server.on("GET", "/v1/deployments/risk/report", "<html></html>")
    with MonitorClient(server.url, "us_key") as monitor:
        assert monitor.report("risk") == "<html></html>"
