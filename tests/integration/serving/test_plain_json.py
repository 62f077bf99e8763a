"""Plain predictions of a real service: CSV, options, intervals, what is said of wrong bodies."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

import httpx
import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from tests.fakes.serving import FLOWERS, artifact_of, deployment, flower_model, served
from tests.serving_process import ServingProcess
from understudy.client import ServingClient
from understudy.contracts.registry import Baseline, Interval, ServedVersion
from understudy.contracts.serving import ClassConfidence, IntervalConfidence
from understudy.contracts.signature import Target
from understudy.contracts.vocabulary import BaselineSample, Task

PREDICT = "/v1/deployments/flowers/predict"
PRICES = replace(FLOWERS, target=Target("price", Task.REGRESSION))
MEASURED = Baseline(
    file="1" * 64,
    sample=BaselineSample.EVALUATION,
    rows=500,
    interval=Interval(level=0.9, half_width=1.25, rows=500),
)
ROW = {"length": 9.0, "width": 1.0}
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def price_model() -> LinearRegression:
    inputs = np.random.default_rng(0).uniform(0.0, 10.0, (50, 2))
    return LinearRegression().fit(inputs, 2.0 * inputs[:, 0])


@pytest.fixture(scope="module")
def service(
    tmp_path_factory: pytest.TempPathFactory, redis_server: str
) -> Iterator[ServingProcess]:
    service = ServingProcess(tmp_path_factory.mktemp("plain"), redis_server, workers=1)
    registry = service.registry

    def version(model: object, **members: object) -> ServedVersion:
        made = served(1, registry.store(artifact_of(model)))
        return made.model_copy(update=members)

    registry.publish(
        deployment([version(flower_model())]),
        deployment([version(price_model(), signature=PRICES)], name="unmeasured"),
        deployment([version(price_model(), signature=PRICES, baseline=MEASURED)], name="prices"),
    )
    registry.start()
    try:
        service.start()
        yield service
    finally:
        service.stop()
        registry.stop()


@pytest.fixture
def http(service: ServingProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.url, timeout=10.0) as client:
        yield client


def test_csv_in_and_out(http: httpx.Client) -> None:
    lines = b"width,length\r\n1,9\r\n1,2.5\r\n"
    headers = {"Content-Type": "text/csv", "X-Request-ID": "night"}
    batch = http.post(PREDICT, content=lines, headers=headers).json()["predictions"]
    assert [one["prediction"] for one in batch] == ["virginica", "setosa"]
    answer = http.post(PREDICT, content=lines, headers={**headers, "Accept": "text/csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    told = [*csv.DictReader(io.StringIO(answer.text, newline=""))]
    assert [line["prediction_id"] for line in told] == ["night.0", "night.1"]
    for line, one in zip(told, batch, strict=True):
        assert float(line["probability:virginica"]) == one["probabilities"]["virginica"]


def test_clients_are_told_how_sure_an_answer_is(service: ServingProcess) -> None:
    with ServingClient(service.url, traceparent=TRACE) as client:
        sure = client.predict("flowers", ROW, confidence=True)
        assert isinstance(sure.confidence, ClassConfidence)
        assert sure.probabilities is not None
        assert sure.confidence.probability == sure.probabilities["virginica"]
        priced = client.predict("prices", ROW, confidence=True)
        assert isinstance(priced.confidence, IntervalConfidence)
        assert isinstance(priced.prediction, float)
        assert priced.confidence.low == pytest.approx(priced.prediction - 1.25)
        assert priced.confidence.high == pytest.approx(priced.prediction + 1.25)
        unknown = client.predict("unmeasured", ROW, confidence=True)
        assert unknown.confidence is None
        assert [warning.code.value for warning in unknown.warnings] == ["confidence_not_available"]
        assert client.predict("unmeasured", ROW).warnings == ()


@pytest.mark.parametrize(
    ("query", "content_type", "body", "status", "code", "pointers"),
    [
        ("?explain=true", "", b"{}", 501, "explain_not_available", []),
        ("?confidence=2", "", b"{}", 422, "invalid_option", ["/query/confidence"]),
        ("", "application/xml", b"<a/>", 415, "media_type", []),
        ("", "", b'{"length": 1, "length": 1, "width": 1}', 400, "malformed_body", ["/length"]),
        ("", "text/csv", b"length,width\n1", 400, "malformed_body", []),
        ("", "text/csv", b"length,width\n1,x", 422, "invalid_rows", ["/0/width"]),
        ("", "", b"[" * 500_000, 400, "malformed_body", []),
    ],
)
def test_what_is_wrong_is_told(
    *,
    http: httpx.Client,
    query: str,
    content_type: str,
    body: bytes,
    status: int,
    code: str,
    pointers: Sequence[str],
) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    answer = http.post(PREDICT + query, content=body, headers=headers)
    problem = answer.json()
    found = [error["pointer"] for error in problem.get("errors", ())]
    assert (answer.status_code, problem["code"], found) == (status, code, pointers)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", PREDICT),
        ("GET", PREDICT),
        ("POST", "/v1/deployments/nothing/predict"),
        ("GET", "/v1/deployments/flowers/signature"),
        ("POST", "/v1/deployments/flowers/labels"),
        ("GET", "/livez"),
        ("GET", "/readyz"),
        ("GET", "/v1/nothing"),
        ("GET", "/metrics"),
        ("GET", "/"),
    ],
)
def test_every_answer_has_the_headers(http: httpx.Client, method: str, path: str) -> None:
    answer = http.request(method, path, headers={"X-Request-ID": "mine"}, json=ROW)
    assert answer.headers["x-request-id"] == "mine"
    assert re.fullmatch(r"app;dur=\d+\.\d{3}", answer.headers["server-timing"])
    assert http.request(method, path, json=ROW).headers["x-request-id"] not in {"", "mine"}
