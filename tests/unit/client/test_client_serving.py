from collections.abc import Iterator

import numpy as np
import pytest

from tests.fakes.scripted_http import Script, scripted_server
from understudy.client import MonitorClient, ProblemError, ServingClient
from understudy.client.errors import UnexpectedAnswerError
from understudy.contracts.serving import (
    ClassConfidence,
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


SURE = ANSWER.model_copy(update={"confidence": ClassConfidence(probability=0.9, margin=0.8)})


def test_confidence_is_asked_for(server: Script, serving: ServingClient) -> None:
    server.on("POST", "/v1/deployments/risk/predict", SURE)
    assert serving.predict("risk", {"age": 1}, confidence=True) == SURE
    assert server.asked[0].query == {"confidence": "true"}


def test_confidence_of_many_is_asked_for(server: Script, serving: ServingClient) -> None:
    server.on("POST", "/v1/deployments/risk/predict", Predictions(predictions=(SURE,)))
    assert serving.predict_many("risk", [{"age": 1}], "p", confidence=True) == (SURE,)
    assert serving.predict("risk", {"age": 1}, "p", {"sex": "f"}, confidence=True) == SURE
    named = {"confidence": "true", "prediction_id": "p"}
    assert [asked.query for asked in server.asked] == [named, named]


def test_requests_are_part_of_a_trace(server: Script) -> None:
    server.on("POST", "/v1/deployments/risk/predict", ANSWER)
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    with ServingClient(server.url, traceparent=trace) as client:
        client.predict("risk", {"age": 1})
    headers = {name.lower(): value for name, value in server.asked[0].headers.items()}
    assert headers["traceparent"] == trace


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


def test_a_deployment_is_described(server: Script, serving: ServingClient) -> None:
    document = {"openapi": "3.1.0", "paths": {"/v1/deployments/risk/predict": {"post": {}}}}
    server.on("GET", "/v1/deployments/risk/openapi.json", document)
    assert serving.describe("risk") == document


def test_what_describes_nothing_is_told(server: Script, serving: ServingClient) -> None:
    server.on("GET", "/v1/deployments/risk/openapi.json", "a text")
    with pytest.raises(UnexpectedAnswerError):
        serving.describe("risk")


def test_a_posted_row_is_not_sent_twice(server: Script, serving: ServingClient) -> None:
    server.problem("POST", "/v1/deployments/risk/predict", 503, "Not ready.", None)
    with pytest.raises(ProblemError, match=r"Not ready\."):
        serving.predict("risk", {"age": 1})
    assert len(server.asked) == 1


def test_the_report_is_text(server: Script) -> None:
    server.on("GET", "/v1/deployments/risk/report", "<html></html>")
    with MonitorClient(server.url, "us_key") as monitor:
        assert monitor.report("risk") == "<html></html>"
