"""The HTTP edge: who may not ask is told that first, and who goes away troubles nobody."""

import httpx
import pytest
import structlog
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.serving.api.predict import Predict, PredictOverASGI, deployment_of
from services.serving.api.routes import routes
from services.serving.metrics import ServingMetrics
from services.serving.operations import Serving
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
        self.serving = Serving(keys=lambda: ring, log=ListLog(), metrics=metrics, limits=limits)
        self.releases = Releases(self.serving, RuleLibrary(), metrics, "here:1")
        api = routes(self.serving, metrics, LIMIT)
        self._app = Starlette(routes=api, exception_handlers={**EXCEPTION_HANDLERS})
        self._predict = PredictOverASGI(Predict(self.serving, metrics, LIMIT))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (name := deployment_of(scope)) is not None:
            await self._predict(name, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def refusals(self, code: str) -> float | None:
        return self.numbers.get_sample_value("understudy_refusals_total", {"code": code})


@pytest.fixture
async def world() -> World:
    world = World()
    deployments = tuple(
        deployment([ruled(1)], name=access.value, access=access) for access in AccessLevel
    )
    await world.releases.take_up(Snapshot(sequence=1, deployments=deployments))
    return world


async def post(
    app: ASGIApp, path: str, body: bytes | list[object] | dict[str, object], key: str | None = None
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
    assert world.refusals("unauthenticated") == 2


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
    assert world.refusals("too_many_rows") == 1
    assert world.refusals("malformed_body") == 1


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
