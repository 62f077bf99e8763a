"""Plain predictions over HTTP: types of bodies, options, headers, and bodies that are wrong."""

import csv
import io
import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry
from starlette.types import Receive, Scope, Send
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from services.serving.api.predict import Predict, PredictOverASGI, deployment_of
from services.serving.metrics import ServingMetrics
from services.serving.operations import Serving
from services.serving.operations.releases import Releases
from services.serving.operations.scoring import Limits
from tests.fakes.serving import ListLog, RuleLibrary, deployment, ruled
from understudy.contracts.registry import Snapshot
from understudy.runtime.keys import KeyRing

pytestmark = pytest.mark.anyio

LIMIT = 100_000
URL = "/v1/deployments/flowers/predict"
ROW = b'{"length": 9.0, "width": 1.0}'
LINES = b"length,width\r\n9.0,1.0\r\n2,1\r\n"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class World:
    def __init__(self) -> None:
        self.log, self.numbers = ListLog(), CollectorRegistry()
        self.metrics = ServingMetrics(self.numbers)
        limits = Limits(5, 0.002, 1, 1)
        self.serving = Serving(
            keys=lambda: KeyRing([]), log=self.log, metrics=self.metrics, limits=limits
        )
        self.releases = Releases(self.serving, RuleLibrary(), self.metrics, "here:1")
        self._predict = PredictOverASGI(Predict(self.serving, LIMIT))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = deployment_of(scope)
        assert name is not None
        await self._predict(name, scope, receive, send)


@pytest.fixture
async def world() -> World:
    world = World()
    served = deployment([ruled(1)], name="flowers")
    await world.releases.take_up(Snapshot(sequence=1, deployments=(served,)))
    return world


@pytest.fixture
async def http(world: World) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=world)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        yield client


def told(answer: httpx.Response) -> tuple[int, str, list[str]]:
    """Status, code and pointers of a refusal."""
    problem = answer.json()
    pointers = [error["pointer"] for error in problem.get("errors", ())]
    return answer.status_code, problem["code"], pointers


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "application/json",
        "Application/JSON ; charset=UTF-8",
        "application/vnd.rows+json",
        "text/json",
        "text/plain;charset=ISO-8859-1",
        "application/x-www-form-urlencoded",
    ],
)
async def test_json_by_whatever_tools_call_it(
    http: httpx.AsyncClient, content_type: str | None
) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    answer = await http.post(URL, content=ROW, headers=headers)
    assert (answer.status_code, answer.json()["prediction"]) == (200, "virginica")
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "content_type", ["application/xml", "multipart/form-data; boundary=x", "json", "text/csvx", "/"]
)
async def test_other_types_are_refused(http: httpx.AsyncClient, content_type: str) -> None:
    answer = await http.post(URL, content=ROW, headers={"Content-Type": content_type})
    assert told(answer) == (415, "media_type", [])
    assert "application/json or text/csv" in answer.json()["detail"]


@pytest.mark.parametrize("content_type", ["text/csv", "Text/CSV; charset=utf-8; header=present"])
async def test_csv_is_answered_as_a_batch(
    world: World, http: httpx.AsyncClient, content_type: str
) -> None:
    headers = {"Content-Type": content_type, "X-Request-ID": "b"}
    answer = await http.post(URL, content=LINES, headers=headers)
    found = answer.json()["predictions"]
    assert [one["prediction"] for one in found] == ["virginica", "setosa"]
    assert [one["prediction_id"] for one in found] == ["b.0", "b.1"]
    world.metrics.publish()
    labels = {"deployment": "flowers", "version": "1", "dialect": "csv", "outcome": "ok"}
    assert world.numbers.get_sample_value("understudy_predictions_total", labels) == 2


async def test_one_line_of_csv_is_a_batch_too(http: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "text/csv"}
    answer = await http.post(URL, content=b"width,length\n1,9", headers=headers)
    assert [one["prediction"] for one in answer.json()["predictions"]] == ["virginica"]


def lines_of(answer: httpx.Response) -> list[dict[str, str]]:
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return [*csv.DictReader(io.StringIO(answer.text, newline=""))]


@pytest.mark.parametrize(
    ("content", "content_type"),
    [(LINES, "text/csv"), (b"[%b,%b]" % (ROW, ROW.replace(b"9", b"2")), "application/json")],
)
async def test_who_accepts_csv_gets_it(
    http: httpx.AsyncClient, content: bytes, content_type: str
) -> None:
    headers = {"Content-Type": content_type, "Accept": "text/csv;q=1", "X-Request-ID": "b"}
    answer = await http.post(f"{URL}?confidence=1", content=content, headers=headers)
    first, second = lines_of(answer)
    assert first == {
        "prediction_id": "b.0",
        "prediction": "virginica",
        "probability:setosa": first["probability:setosa"],
        "probability:virginica": "0.9",
        "confidence:probability": "0.9",
        "confidence:margin": first["confidence:margin"],
        "overridden": "false",
        "warnings": "",
    }
    assert float(first["confidence:margin"]) == pytest.approx(0.8)
    assert (second["prediction_id"], second["prediction"]) == ("b.1", "setosa")
    plain = await http.post(URL, content=content, headers=headers)
    assert {*lines_of(plain)[0]} == {name for name in first if "confidence" not in name}


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/csv, application/json", "a/b"])
async def test_all_others_get_json(http: httpx.AsyncClient, accept: str) -> None:
    answer = await http.post(URL, content=ROW, headers={"Accept": accept})
    assert answer.json()["prediction"] == "virginica"


@pytest.mark.parametrize(
    ("content", "status", "code", "pointers"),
    [
        (b"", 400, "malformed_body", []),
        (b"\xff\n1", 400, "malformed_body", []),
        (b"length\n1,2", 400, "malformed_body", []),
        (b"length,length\n1,2", 400, "malformed_body", []),
        (b"length,width", 422, "invalid_rows", [""]),
        (b"length,width\nno,1\n1,2", 422, "invalid_rows", ["/0/length"]),
        (b"length,width\n1,2\n1,", 422, "invalid_rows", ["/1/width"]),
        (b"length,width" + b"\n1,2" * 6, 413, "too_many_rows", []),
        (b"length,width\n1,2" * 10_000, 413, "body_too_large", []),
    ],
)
async def test_csv_that_is_wrong(
    *, http: httpx.AsyncClient, content: bytes, status: int, code: str, pointers: Sequence[str]
) -> None:
    answer = await http.post(URL, content=content, headers={"Content-Type": "text/csv"})
    assert told(answer) == (status, code, pointers)


@pytest.mark.parametrize("value", ["true", "1", "True"])
async def test_confidence_is_told_to_who_asks(http: httpx.AsyncClient, value: str) -> None:
    answer = await http.post(f"{URL}?confidence={value}&explain=false&x=y", content=ROW)
    assert answer.json()["confidence"] == {"probability": 0.9, "margin": pytest.approx(0.8)}


@pytest.mark.parametrize("query", ["", "?confidence=false", "?confidence=0&explain=0", "?other=2"])
async def test_and_not_to_others(http: httpx.AsyncClient, query: str) -> None:
    answer = await http.post(URL + query, content=ROW)
    assert "confidence" not in answer.json()


@pytest.mark.parametrize(
    ("query", "status", "code", "pointers"),
    [
        ("explain=true", 501, "explain_not_available", []),
        ("confidence=yes", 422, "invalid_option", ["/query/confidence"]),
        ("explain=2", 422, "invalid_option", ["/query/explain"]),
        ("confidence", 422, "invalid_option", ["/query/confidence"]),
        ("confidence=true&confidence=false", 422, "invalid_option", ["/query/confidence"]),
        ("confidence=%FF", 422, "invalid_option", ["/query/confidence"]),
        ("confidence=" + "x" * 5_000, 422, "invalid_option", ["/query/confidence"]),
    ],
)
async def test_options_that_are_wrong(
    *, http: httpx.AsyncClient, query: str, status: int, code: str, pointers: Sequence[str]
) -> None:
    answer = await http.post(f"{URL}?{query}", content=ROW)
    assert told(answer) == (status, code, pointers)
    assert len(answer.content) < 1_000


BOMB = 90_000
BAD: Mapping[str, tuple[bytes, int, str, Sequence[str]]] = {
    "nothing": (b"", 400, "malformed_body", []),
    "spaces": (b" \r\n\t", 400, "malformed_body", []),
    "a byte order mark": (b"\xef\xbb\xbf" + ROW, 400, "malformed_body", []),
    "UTF-16": (ROW.decode().encode("utf-16"), 400, "malformed_body", []),
    "invalid UTF-8": (b'{"length": 1, "width": "\xff\xfe"}', 400, "malformed_body", []),
    "invalid UTF-8 in a name": (b'{"len\xffgth": 1, "width": 1}', 400, "malformed_body", []),
    "half a surrogate": (b'{"length": 1, "width": "\\ud800"}', 400, "malformed_body", []),
    "nested lists": (b"[" * BOMB, 400, "malformed_body", []),
    "closed nested lists": (b"[" * 45_000 + b"]" * 45_000, 400, "malformed_body", []),
    "nested objects": (b'{"length":' * 9_000, 400, "malformed_body", []),
    "a nested value": (
        b'{"width": 1, "length": ' + b"[" * 40_000 + b"]" * 40_000 + b"}",
        *(400, "malformed_body", []),
    ),
    "a value nested not so deeply": (
        b'{"width": 1, "length": ' + b"[" * 50 + b"]" * 50 + b"}",
        *(422, "invalid_rows", ["/length"]),
    ),
    "half a body": (ROW[:-1], 400, "malformed_body", []),
    "two bodies": (ROW + ROW, 400, "malformed_body", []),
    "a comma too many": (b'{"length": 1, "width": 1,}', 400, "malformed_body", []),
    "NaN": (b'{"length": NaN, "width": 1}', 400, "malformed_body", []),
    "Infinity": (b'{"length": -Infinity, "width": 1}', 400, "malformed_body", []),
    "more than a float64": (b'{"length": 1e999, "width": 1}', 400, "malformed_body", []),
    "a long number": (
        b'{"length": ' + b"9" * 300 + b', "width": 1}',
        *(422, "invalid_rows", ["/length"]),
    ),
    "a longer number": (
        b'{"length": ' + b"9" * 80_000 + b', "width": 1}',
        *(400, "malformed_body", []),
    ),
    "a fraction of many digits": (
        b'{"length": 99.' + b"9" * 80_000 + b', "width": 1}',
        *(422, "invalid_rows", ["/length"]),
    ),
    "a number": (b"5", 400, "malformed_body", []),
    "a text": (b'"length"', 400, "malformed_body", []),
    "null": (b"null", 400, "malformed_body", []),
    "a list of numbers": (b"[1, 2]", 400, "malformed_body", []),
    "rows of numbers": (b'{"rows": [1, 2]}', 400, "malformed_body", []),
    "no row": (b"[]", 422, "invalid_rows", [""]),
    "no rows": (b'{"rows": []}', 422, "invalid_rows", ["/rows"]),
    "rows that are no list": (
        b'{"rows": {}}',
        *(422, "invalid_rows", ["/length", "/width", "/rows"]),
    ),
    "an empty object": (b"{}", 422, "invalid_rows", ["/length", "/width"]),
    "a list with an empty object": (b"[{}]", 422, "invalid_rows", ["/0/length", "/0/width"]),
    "a misnamed feature": (
        b'{"Length": 1, "width": 1}',
        *(422, "invalid_rows", ["/length", "/Length"]),
    ),
    "a list for a value": (b'{"length": [1], "width": 1}', 422, "invalid_rows", ["/length"]),
    "a text for a value": (b'{"length": "1", "width": 1}', 422, "invalid_rows", ["/length"]),
    "true for a value": (b'{"length": true, "width": 1}', 422, "invalid_rows", ["/length"]),
    "null for a value": (b'{"length": null, "width": 1}', 422, "invalid_rows", ["/length"]),
    "values that are not legal": (
        b'{"length": 11, "width": -0.1}',
        *(422, "invalid_rows", ["/length", "/width"]),
    ),
    "a member twice": (
        b'{"length": 1, "length": 1, "width": 1}',
        *(400, "malformed_body", ["/length"]),
    ),
    "a member twice in a row": (
        b'{"rows": [' + ROW + b', {"length": 1, "width": 1, "width": 1}]}',
        *(400, "malformed_body", ["/rows/1/width"]),
    ),
    "too many rows": (b"[" + b",".join([ROW] * 6) + b"]", 413, "too_many_rows", []),
    "too many bytes": (b" " * LIMIT + ROW, 413, "body_too_large", []),
    "protected attributes of too few": (
        b'{"rows": [' + ROW + b'], "protected": []}',
        *(422, "invalid_protected", ["/protected"]),
    ),
    "a name of many characters": (
        b'{"length": 1, "width": 1, "' + b"n" * 200 + b'": 1}',
        *(422, "invalid_rows", ["/" + "n" * 200]),
    ),
}


@pytest.mark.parametrize("what", BAD)
async def test_what_is_wrong_is_the_callers_to_know(
    world: World, http: httpx.AsyncClient, what: str
) -> None:
    content, status, code, pointers = BAD[what]
    with capture_logs() as lines:
        answer = await http.post(URL, content=content)
    assert told(answer) == (status, code, pointers)
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(answer.content) < 2_000
    assert "Traceback" not in answer.text
    assert lines == []
    assert world.log.answered == []


async def test_every_answer_has_the_headers(http: httpx.AsyncClient) -> None:
    for content, status in ((ROW, 200), (b"?", 400)):
        for sent in ("r-1", "not well-formed"):
            answer = await http.post(URL, content=content, headers={"X-Request-ID": sent})
            assert answer.status_code == status
            assert re.fullmatch(r"app;dur=\d+\.\d{3}", answer.headers["server-timing"])
            assert (answer.headers["x-request-id"] == "r-1") is (sent == "r-1")


async def test_the_line_of_a_failure_names_its_trace(
    world: World, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(world.serving, "check_rows", broken)
    headers = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01", "X-Request-ID": "r-1"}
    with capture_logs(processors=[merge_contextvars]) as lines:
        answer = await http.post(URL, content=ROW, headers=headers)
    assert (answer.status_code, json.loads(answer.content)["code"]) == (500, "internal")
    assert [(line["request_id"], line["trace_id"]) for line in lines] == [("r-1", TRACE)]
