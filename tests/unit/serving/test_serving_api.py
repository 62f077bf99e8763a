"""The HTTP edge: who may not ask is told that first, and who goes away troubles nobody."""

from typing import Any

import httpx
import pytest
import structlog
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.serving.api.predict import Predict, PredictOverASGI, deployment_of
from services.serving.api.routes import routes
from services.serving.metrics import ServingMetrics
from services.serving.operations import Elsewhere, Facts, Serving
from services.serving.operations.releases import Releases
from services.serving.operations.scoring import Limits
from tests.fakes.serving import ListLog, RuleLibrary, deployment, key_record, ruled
from understudy.contracts import vocabulary
from understudy.contracts.registry import Snapshot
from understudy.contracts.vocabulary import AccessLevel
from understudy.runtime.http import EXCEPTION_HANDLERS
from understudy.runtime.keys import KeyRing, make_key

pytestmark = pytest.mark.anyio

LIMIT = 1_000
KEY = make_key()
BAD_BODIES = [b"", b"?", b'{"length": "no"}', b"1" * (LIMIT + 1)]


class World:
    def __init__(self) -> None:
        ring = KeyRing([key_record(KEY, vocabulary.Scope.PREDICT, vocabulary.Scope.LABEL)])
        self.numbers = CollectorRegistry()
        metrics = ServingMetrics(self.numbers)
        limits = Limits(5, 0.002, 1, 1)
        self.log = ListLog()
        self.serving = Serving(keys=lambda: ring, log=self.log, metrics=metrics, limits=limits)
        facts = Facts(self.serving, self.log, metrics)
        elsewhere = Elsewhere(self.serving, self.log, metrics)
        self.releases = Releases(self.serving, RuleLibrary(), metrics, "here:1")
        api = routes(self.serving, facts, elsewhere, LIMIT)
        self._app = Starlette(routes=api, exception_handlers={**EXCEPTION_HANDLERS})
        self._predict = PredictOverASGI(Predict(self.serving, LIMIT))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (name := deployment_of(scope)) is not None:
            await self._predict(name, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def refusals(self, deployment: str, code: str, status: int) -> float | None:
        labels = {"deployment": deployment, "code": code, "status": str(status)}
        return self.numbers.get_sample_value("understudy_refusals_total", labels)


@pytest.fixture
async def world() -> World:
    world = World()
    deployments = tuple(
        deployment([ruled(1)], name=access.value, access=access) for access in AccessLevel
    )
    await world.releases.take_up(Snapshot(sequence=1, deployments=deployments))
    return world


async def post(
    app: ASGIApp, path: str, body: bytes | list[Any] | dict[str, Any], key: str | None = None
) -> httpx.Response:
    headers = {} if key is None else {"X-API-Key": key}
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        url = f"/v1/deployments/{path}"
        if isinstance(body, bytes):
            return await client.post(url, content=body, headers=headers)
        return await client.post(url, json=body, headers=headers)


@pytest.mark.parametrize("body", BAD_BODIES)
@pytest.mark.parametrize(
    "path",
    ["project/predict", "instance/predict", "nothing/predict", "project/labels", "public/labels"],
)
async def test_whoever_has_no_key_is_told_so_whatever_the_body(
    world: World, path: str, body: bytes
) -> None:
    for key in (None, make_key().plaintext):
        assert (await post(world, path, body, key)).status_code == 401
    name = path.partition("/")[0]
    known = "" if name == "nothing" else name
    assert world.refusals(known, "unauthenticated", 401) == 2


@pytest.mark.parametrize("path", ["project/predict", "project/labels"])
async def test_whoever_has_a_key_is_told_what_is_wrong(world: World, path: str) -> None:
    found = [(await post(world, path, body, KEY.plaintext)).status_code for body in BAD_BODIES]
    assert found == [400, 400, 422, 413]


async def test_without_a_key_nothing_is_read(world: World) -> None:
    async def receive() -> Message:
        raise AssertionError("the body was read")

    assert await statuses(world, "project/predict", receive) == [401]
    assert await statuses(world, "project/labels", receive) == [401]


async def test_a_client_that_hangs_up_while_sending_is_no_error(world: World) -> None:
    async def receive() -> Message:
        return {"type": "http.disconnect"}

    with structlog.testing.capture_logs() as logged:
        assert await statuses(world, "public/labels", receive, KEY.plaintext) == [499]
        assert await statuses(world, "public/predict", receive) == []
    assert logged == []


async def test_refused_labels_are_counted_like_refused_predictions(world: World) -> None:
    labels: list[object] = [{"prediction_id": "a", "label": "setosa"}] * 6
    assert (await post(world, "public/labels", labels, KEY.plaintext)).status_code == 413
    await post(world, "public/labels", b"?", KEY.plaintext)
    assert world.refusals("public", "too_many_rows", 413) == 1
    assert world.refusals("public", "malformed_body", 400) == 1


async def test_a_number_that_is_too_large_is_refused_by_itself(world: World) -> None:
    body = b'[{"prediction_id": "a", "label": 1%s}, {"prediction_id": "b", "label": "setosa"}]'
    answer = await post(world, "public/labels", body % (b"0" * 400), KEY.plaintext)
    assert answer.status_code == 202
    assert [found["status"] for found in answer.json()["results"]] == ["refused", "accepted"]


async def statuses(app: ASGIApp, path: str, receive: Receive, key: str | None = None) -> list[int]:
    """How one request was answered, whose body comes from `receive`."""
    sent: list[int] = []

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            sent.append(message["status"])

    await app(
        {
            "type": "http",
            "method": "POST",
            "path": f"/v1/deployments/{path}",
            "query_string": b"",
            "headers": [] if key is None else [(b"x-api-key", key.encode())],
        },
        receive,
        send,
    )
    return sent


async def put(app: ASGIApp, path: str, body: object, key: str | None) -> httpx.Response:
    headers = {} if key is None else {"X-API-Key": key}
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        return await client.put(f"/v1/deployments/{path}", json=body, headers=headers)


async def test_a_correction_is_a_label_that_was_received_later(world: World) -> None:
    told = [{"prediction_id": "a", "label": label} for label in ("setosa", "virginica")]
    assert (await post(world, "public/labels", [*told], KEY.plaintext)).status_code == 202
    answer = await put(
        world, "public/labels/a", {"label": "setosa", "source": "vet"}, KEY.plaintext
    )
    assert answer.status_code == 202
    assert answer.json() == {"prediction_id": "a", "status": "accepted"}
    events = [event for _, event in world.log.labelled]
    assert [event.label for event in events] == ["setosa", "virginica", "setosa"]
    times = [event.received_at for event in events]
    assert times == sorted(set(times))
    assert events[-1].source == "vet"


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("labels/a", {"label": "rose"}, "/label"),
        ("labels/a", {"label": None}, "/label"),
        ("labels/a", {"label": ["setosa"]}, "/label"),
        ("labels/a", {}, "/label"),
        ("labels/a", {"label": "setosa", "observed_at": "yesterday"}, "/observed_at"),
        ("labels/a", {"label": "setosa", "observed_at": "9999-01-01T00:00:00Z"}, "/observed_at"),
        ("labels/a", {"label": "setosa", "observed_at": "1969-12-31T23:59:59Z"}, "/observed_at"),
        ("labels/a", {"label": "setosa", "source": "x" * 201}, "/source"),
        ("labels/a b", {"label": "setosa"}, "/prediction_id"),
        ("labels/" + "a" * 129, {"label": "setosa"}, "/prediction_id"),
    ],
)
async def test_what_is_no_correction_is_refused_where_it_is_wrong(
    world: World, path: str, body: object, pointer: str
) -> None:
    answer = await put(world, f"public/{path}", body, KEY.plaintext)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert world.log.labelled == []


async def test_a_correction_is_one_and_needs_a_key(world: World) -> None:
    assert (await put(world, "public/labels/a", {"label": "setosa"}, None)).status_code == 401
    assert (await put(world, "public/labels/a", [], KEY.plaintext)).status_code == 422
    answer = await post(world, "public/labels/a", {"label": "setosa"}, KEY.plaintext)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "PUT")


async def test_what_cant_be_logged_is_not_accepted(world: World) -> None:
    world.log.full = True
    answer = await put(world, "public/labels/a", {"label": "setosa"}, KEY.plaintext)
    assert answer.status_code == 503
    body = {"prediction_id": "a", "attributes": {"sex": "f"}}
    answer = await post(world, "public/protected", body, KEY.plaintext)
    assert answer.status_code == 202
    assert answer.json()["results"][0]["status"] == "refused"


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        ("protected", "Protected attributes are"),
        ("labels", "A label is"),
        ("predict", "Send one row as"),
    ],
)
async def test_an_empty_body_is_told_what_belongs_there(
    world: World, verb: str, words: str
) -> None:
    answer = await post(world, f"public/{verb}", b"", KEY.plaintext)
    assert answer.json()["detail"].startswith(f"The body is empty. {words}")


async def test_protected_attributes_are_kept_as_texts(world: World) -> None:
    body: dict[str, object] = {
        "prediction_id": "a",
        "attributes": {"sex": "f", "disabled": True, "age band": 40, "share": 0.5},
    }
    answer = await post(world, "public/protected", body, KEY.plaintext)
    assert (answer.status_code, answer.json()) == (
        202,
        {"results": [{"prediction_id": "a", "status": "accepted"}]},
    )
    ((name, event),) = world.log.told
    assert (name, event.prediction_id) == ("public", "a")
    groups = {"sex": "f", "disabled": "true", "age band": "40", "share": "0.5"}
    assert event.attributes == groups


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ({"prediction_id": "a b", "attributes": {"sex": "f"}}, "prediction_id"),
        ({"prediction_id": "", "attributes": {"sex": "f"}}, "prediction_id"),
        ({"prediction_id": "a", "attributes": {}}, "at least one"),
        ({"prediction_id": "a", "attributes": {"width": 1}}, "is a feature"),
        ({"prediction_id": "a", "attributes": {"": "f"}}, "1 to 64"),
        ({"prediction_id": "a", "attributes": {"x" * 65: "f"}}, "1 to 64"),
        ({"prediction_id": "a", "attributes": {"a\nb": "f"}}, "printable"),
        ({"prediction_id": "a", "attributes": {"sex": ""}}, "attributes/sex"),
        ({"prediction_id": "a", "attributes": {"sex": "x" * 101}}, "attributes/sex"),
        ({"prediction_id": "a", "attributes": {"sex": "a\u0000"}}, "attributes/sex"),
        ({"prediction_id": "a", "attributes": {"sex": 10**120}}, "attributes/sex"),
        ({"prediction_id": "a", "attributes": {f"n{i}": 1 for i in range(21)}}, "at most 20"),
    ],
)
async def test_one_items_mistake_is_its_own(
    world: World, item: dict[str, object], words: str
) -> None:
    good = {"prediction_id": "b", "attributes": {"sex": "secret"}}
    answer = await post(world, "public/protected", [item, good], KEY.plaintext)
    assert answer.status_code == 202
    refused, accepted = answer.json()["results"]
    assert (refused["status"], accepted["status"]) == ("refused", "accepted")
    assert words in refused["message"]
    assert [event.prediction_id for _, event in world.log.told] == ["b"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/prediction_id"),
        ({"prediction_id": 1, "attributes": {"sex": "f"}}, "/prediction_id"),
        ({"prediction_id": "a", "attributes": {"sex": "f"}, "group": "f"}, "/group"),
        ({"prediction_id": "a", "attributes": ["f"]}, "/attributes"),
        ({"prediction_id": "a", "attributes": {"sex": None}}, "/attributes"),
        ({"prediction_id": "a", "attributes": {"sex": {"is": "f"}}}, "/attributes"),
        ([{"prediction_id": "a", "attributes": {"sex": ["f"]}}], "/0/attributes"),
        ([5], "/0"),
    ],
)
async def test_bodies_of_the_wrong_form_say_where(
    world: World, body: dict[str, object] | list[object], pointer: str
) -> None:
    answer = await post(world, "public/protected", body, KEY.plaintext)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert (await post(world, "public/protected", [1] * 6, None)).status_code == 401
    assert world.log.told == []


ROW = {"length": 1.0, "width": 2.0}


@pytest.mark.parametrize("told", ["[%s, {}]", "[{}, %s]", "[%s,{}]\n"])
async def test_attributes_that_come_with_rows_go_with_their_predictions(
    world: World, told: str
) -> None:
    groups = told % '{"sex": "f", "old": true}'
    rows = '[{"length": 1, "width": 2}, {"width": 2, "length": 9}]'
    body = f'{{"rows": {rows}, "protected": {groups}}}'
    for written in (body, " " + body):  # the second one goes the explaining way
        answer = await post(world, "public/predict", written.encode())
        assert answer.status_code == 200
        assert "sex" not in answer.text
        ids = [one["prediction_id"] for one in answer.json()["predictions"]]
        record = world.log.answered[-1]
        (event,) = record.protected
        assert event.prediction_id == ids[0 if told.startswith("[%") else 1]
        assert event.attributes == {"sex": "f", "old": "true"}
        assert record.rows.numbers.tolist() == [[1.0, 2.0], [9.0, 2.0]]


@pytest.mark.parametrize(
    ("told", "pointer"),
    [
        ([], "/protected"),
        ([{}, {}], "/protected"),
        ({"sex": "f"}, "/protected"),
        ("f", "/protected"),
        ([5], "/protected/0"),
        ([{"sex": None}], "/protected/0"),
        ([{"sex": ["secret"]}], "/protected/0"),
        ([{"width": 2.0}], "/protected/0/width"),
        ([{"sex": "secret" * 100}], "/protected/0/sex"),
        ([{f"n{i}": 1 for i in range(21)}], "/protected/0"),
    ],
)
async def test_attributes_that_cant_be_taken_refuse_the_whole_request(
    world: World, told: object, pointer: str
) -> None:
    answer = await post(world, "public/predict", {"rows": [ROW], "protected": told})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_protected")
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert "secret" not in answer.text
    assert world.log.answered == []


async def test_a_batch_without_attributes_is_as_before(world: World) -> None:
    for body in ({"rows": [ROW]}, {"rows": [ROW], "protected": None}):
        assert (await post(world, "public/predict", body)).status_code == 200
    assert not any(record.protected for record in world.log.answered)
