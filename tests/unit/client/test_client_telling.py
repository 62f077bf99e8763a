"""What is told of predictions, from Python."""

from collections.abc import Iterator

import pytest

from tests.fakes.scripted_http import Script, scripted_server
from understudy.client import ServingClient
from understudy.contracts.elsewhere import ToldMain, ToldPrediction, ToldResult, ToldResults
from understudy.contracts.serving import (
    LabelCorrection,
    LabelResult,
    LabelStatus,
    ModelRef,
    Prediction,
    Predictions,
    ProtectedRequest,
    ProtectedResult,
    ProtectedResults,
)

ANSWER = Prediction(prediction_id="p.0", prediction="good", model=ModelRef(name="risk", version=1))
ACCEPTED = LabelStatus.ACCEPTED


@pytest.fixture
def server() -> Iterator[Script]:
    with scripted_server() as script:
        yield script


@pytest.fixture
def serving(server: Script) -> Iterator[ServingClient]:
    with ServingClient(server.url) as client:
        yield client


def test_attributes_go_beside_the_row(server: Script, serving: ServingClient) -> None:
    server.on("POST", "/v1/deployments/risk/predict", Predictions(predictions=(ANSWER,)))
    assert serving.predict("risk", {"age": 40}, "p", protected={"sex": "f"}) == ANSWER
    assert server.asked[0].json == {"rows": [{"age": 40}], "protected": [{"sex": "f"}]}
    serving.predict_many("risk", [{"age": 40}], protected=[{}])
    assert server.asked[1].json == {"rows": [{"age": 40}], "protected": [{}]}


def test_attributes_that_are_told_later(server: Script, serving: ServingClient) -> None:
    results = ProtectedResults(results=(ProtectedResult(prediction_id="p", status=ACCEPTED),))
    server.on("POST", "/v1/deployments/risk/protected", results, 202)
    told = ProtectedRequest(prediction_id="p", attributes={"sex": "f", "old": True})
    assert serving.protect("risk", [told]) == results
    assert server.asked[0].json == [{"prediction_id": "p", "attributes": {"sex": "f", "old": True}}]


def test_a_correction_names_its_prediction_in_the_path(
    server: Script, serving: ServingClient
) -> None:
    result = LabelResult(prediction_id="a:1", status=ACCEPTED)
    server.on("PUT", "/v1/deployments/risk/labels/a%3A1", result, 202)
    assert serving.correct("risk", "a:1", LabelCorrection(label="bad")) == result
    assert server.asked[0].json == {"label": "bad"}


def test_a_prediction_that_failed_elsewhere_is_told_as_null(
    server: Script, serving: ServingClient
) -> None:
    results = ToldResults(results=(ToldResult(prediction_id="p", status=ACCEPTED),))
    server.on("POST", "/v1/deployments/risk/predictions", results, 202)
    told = ToldPrediction(row={"age": 40, "job": None}, main=ToldMain(prediction=None))
    assert serving.log_predictions("risk", [told]) == results
    assert server.asked[0].json == [{"row": {"age": 40, "job": None}, "main": {"prediction": None}}]
