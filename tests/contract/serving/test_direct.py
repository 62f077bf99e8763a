"""The short way of predictions answers as the ASGI way does, whatever a client does to it."""

import asyncio
import contextlib
import gc
import json
import tracemalloc
import weakref
from collections.abc import AsyncIterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from starlette.types import Receive, Scope, Send
from uvicorn import Config
from uvicorn.server import ServerState

from services.serving.api.admission import Admission, Bounds
from services.serving.api.direct import DirectProtocol
from services.serving.api.predict import Predict, PredictOverASGI, deployment_of
from services.serving.metrics import ServingMetrics
from services.serving.operations import Serving
from services.serving.operations.releases import Releases
from services.serving.operations.scoring import Limits
from tests.fakes.serving import ListLog, RuleLibrary, deployment, key_record, ruled
from understudy.contracts.registry import Snapshot
from understudy.contracts.vocabulary import AccessLevel
from understudy.contracts.vocabulary import Scope as KeyScope
from understudy.runtime.bounded import ConnectionBounds
from understudy.runtime.keys import KeyRing, make_key

pytestmark = pytest.mark.anyio

KEY = make_key()
ROW = b'{"length": 1.5, "width": 2}'
PATH = "/v1/deployments/public/predict"
CONNECTIONS = 20
LIMIT = 1_000
WAIT = 5.0
UPGRADE = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk")


class Parts:
    """A serving worker's inside, without its loops."""

    def __init__(self) -> None:
        self.numbers = CollectorRegistry()
        self.metrics = ServingMetrics(self.numbers)
        self.ring = KeyRing([key_record(KEY, KeyScope.PREDICT)])
        self.log = ListLog()
        self.serving = Serving(
            keys=lambda: self.ring,
            log=self.log,
            metrics=self.metrics,
            limits=Limits(50, 0.002, 1, 8),
        )
        self.library = RuleLibrary()
        self.releases = Releases(self.serving, self.library, self.metrics, "here:1")
        self.predict = Predict(self.serving, LIMIT)
        self.over_asgi = PredictOverASGI(self.predict)
        self.clock = 0.0
        bounds = Bounds(requests=4, request_seconds=10.0, body_seconds=5.0)
        self.admission = Admission(
            self.asgi, bounds, self.serving.note_refusal, clock=lambda: self.clock
        )
        self.by_asgi = 0

    async def asgi(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.by_asgi += 1
        name = deployment_of(scope)
        if name is None:
            await send({"type": "http.response.start", "status": 404, "headers": []})
            await send({"type": "http.response.body", "body": b"nothing"})
            return
        await self.over_asgi(name, scope, receive, send)

    def refusals(self, deployment: str, code: str, status: int) -> float | None:
        labels = {"deployment": deployment, "code": code, "status": str(status)}
        return self.numbers.get_sample_value("understudy_refusals_total", labels)


class Client:
    """One connection, bytes in and answers out."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, *parts: bytes) -> None:
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        async with asyncio.timeout(WAIT):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {
                name.lower(): value
                for name, _, value in (line.partition(": ") for line in head[1:])
            }
            if head[0].endswith("Continue"):
                return await self.answer()
            if "content-length" in headers:
                body = await self.reader.readexactly(int(headers["content-length"]))
            else:
                body = await self._chunks()
        return int(head[0].split()[1]), headers, body

    async def closed(self) -> bool:
        async with asyncio.timeout(WAIT):
            return await self.reader.read(1) == b""

    async def _chunks(self) -> bytes:
        body = b""
        while size := int(await self.reader.readline(), 16):
            body += await self.reader.readexactly(size)
            await self.reader.readline()
        await self.reader.readline()
        return body


class Site:
    """A server of those parts."""

    def __init__(self, parts: Parts, port: int, state: ServerState) -> None:
        self.parts = parts
        self.state = state
        self._port = port
        self._clients: list[Client] = []

    async def client(self) -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", self._port))
        self._clients.append(client)
        return client

    def close(self) -> None:
        for client in self._clients:
            client.writer.close()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    parts = Parts()
    served = tuple(deployment([ruled(1)], name=level.value, access=level) for level in AccessLevel)
    await parts.releases.take_up(Snapshot(sequence=1, deployments=served))
    config = Config(parts.admission, log_config=None, lifespan="off", http="httptools")
    config.load()
    state = ServerState()
    state.default_headers = [(b"date", b"today")]

    def protocol() -> asyncio.Protocol:
        bounds = ConnectionBounds(connections=CONNECTIONS, head_seconds=5.0)
        options: dict[str, Any] = {"config": config, "server_state": state, "app_state": {}}
        return DirectProtocol(parts.predict, parts.admission, bounds, **options)

    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    site = Site(parts, server.sockets[0].getsockname()[1], state)
    yield site
    site.close()
    server.close()
    parts.serving.close()


def post(body: bytes, *headers: str, path: str = PATH, version: str = "1.1") -> bytes:
    lines = [f"POST {path} HTTP/{version}", "Host: here", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def test_answers_carry_what_callers_count_on(site: Site) -> None:
    client = await site.client()
    await client.send(post(ROW, "X-Request-ID: mine", path="/v1/deployments/public/predict"))
    status, headers, body = await client.answer()
    found = json.loads(body)
    assert status == 200
    assert found["prediction"] == "setosa"
    assert found["probabilities"] == {"setosa": 0.85, "virginica": 0.15}
    assert found["prediction_id"] == "mine" == headers["x-request-id"] == headers["x-prediction-id"]
    assert headers["x-model-version"] == "1"
    assert headers["content-type"] == "application/json"
    assert headers["server-timing"].startswith("app;dur=")
    assert headers["date"] == "today"
    assert site.parts.by_asgi == 0


async def test_a_connection_serves_many(site: Site) -> None:
    client = await site.client()
    for _ in range(3):
        await client.send(post(ROW))
        assert (await client.answer())[0] == 200
    assert [len(answered.ids) for answered in site.parts.log.answered] == [1, 1, 1]


async def test_both_ways_answer_alike(site: Site) -> None:
    bodies = [
        ROW,
        b'{"rows": [{"length": 9, "width": 1}, {"length": 1, "width": 1}]}',
        b'[{"length": 9, "width": 1}]',
        b'{"length": 99, "width": 1}',
        b'{"length": "x"}',
        b"",
        b"[]",
        b"?",
        b"1" * (LIMIT + 1),
    ]
    for body in bodies:
        found = []
        for header in ("X-Nothing: here", "Expect: 100-continue"):
            client = await site.client()
            await client.send(post(body, "X-Request-ID: one", header))
            status, headers, content = await client.answer()
            for varying in ("server-timing", "connection"):
                headers.pop(varying, None)
            found.append((status, headers, content))
        assert found[0] == found[1]
    assert site.parts.by_asgi == len(bodies)


@pytest.mark.parametrize(
    ("query", "header", "body", "status"),
    [
        ("", "Content-Type: text/csv", b"length,width\n9,1\n1,1", 200),
        ("", "Accept: text/csv", ROW, 200),
        ("?confidence=true", "Content-Type: application/json", ROW, 200),
        ("?confidence=true&prediction_id=two", "Accept: text/csv", b"[%b]" % ROW, 200),
        ("?confidence=maybe", "Accept: */*", ROW, 422),
        ("?explain=1", "Accept: */*", ROW, 501),
        ("", "Content-Type: application/xml", ROW, 415),
        ("", "Content-Type: text/csv", b"length\n\xff", 400),
        ("", "Accept: */*", b'{"length": 1, "width": 1, "width": 1}', 400),
    ],
)
async def test_both_ways_know_the_same_types_and_options(
    *, site: Site, query: str, header: str, body: bytes, status: int
) -> None:
    found = []
    for way in ("X-Nothing: here", "Expect: 100-continue"):
        client = await site.client()
        await client.send(post(body, "X-Request-ID: one", header, way, path=PATH + query))
        answered, headers, content = await client.answer()
        assert (answered, headers.pop("x-request-id")) == (status, "one")
        assert headers.pop("server-timing").startswith("app;dur=")
        headers.pop("connection", None)
        found.append((headers, content))
    assert found[0] == found[1]
    assert site.parts.by_asgi == 1


async def test_a_body_may_come_in_pieces_and_in_chunks(site: Site) -> None:
    client = await site.client()
    whole = post(ROW)
    await client.send(*[whole[place : place + 7] for place in range(0, len(whole), 7)])
    assert (await client.answer())[0] == 200
    head = f"POST {PATH} HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    pieces = [b"%x\r\n%b\r\n" % (len(part), part) for part in (ROW[:9], ROW[9:])]
    await client.send(head, *pieces, b"0\r\n\r\n")
    assert (await client.answer())[0] == 200
    assert site.parts.by_asgi == 0


async def test_a_body_in_many_chunks_is_held_at_its_size(site: Site) -> None:
    client, chunks = await site.client(), 100_000
    site.parts.predict.body_limit = 1 << 20
    head = f"POST {PATH} HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    thousand = b"2\r\n  \r\n" * 1_000
    tracemalloc.start()
    try:
        await client.send(head, *[thousand] * (chunks // 1_000))
        await client.send(b"%x\r\n%b\r\n0\r\n\r\n" % (len(ROW), ROW))
        assert (await client.answer())[0] == 200
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 10 * 2 * chunks


async def test_trailers_without_end_are_cut_off(site: Site) -> None:
    client = await site.client()
    head = f"POST {PATH} HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    trailer = b"X-More: " + b"a" * 1_000 + b"\r\n"
    with contextlib.suppress(ConnectionError):
        await client.send(head, b"%x\r\n%b\r\n0\r\n" % (len(ROW), ROW), *[trailer] * 200)
        assert await client.closed()
    await _until(lambda: site.parts.admission.under_way == 0)


async def test_a_body_is_no_request_where_another_protocol_is_offered(site: Site) -> None:
    client, inner = await site.client(), post(ROW)
    whole = post(inner, *UPGRADE)
    await client.send(whole[: -len(inner)])
    await _until(lambda: site.parts.admission.under_way == 1)
    await client.send(inner)
    status, _, body = await client.answer()
    assert (status, json.loads(body)["code"]) == (400, "malformed_body")
    assert site.parts.log.answered == []
    await client.send(post(ROW))
    assert (await client.answer())[0] == 200


async def test_whoever_offers_another_protocol_is_answered_in_this_one(site: Site) -> None:
    client, names = await site.client(), [f"number-{number}" for number in range(5)]
    wholes = [post(ROW, *UPGRADE, f"X-Request-ID: {name}") for name in names]
    await client.send(wholes[0][:-9])
    await _until(lambda: site.parts.admission.under_way == 1)
    await client.send(wholes[0][-9:] + b"".join(wholes[1:]))
    answers = [await client.answer() for _ in names]
    assert [(status, headers["x-request-id"]) for status, headers, _ in answers] == [
        (200, name) for name in names
    ]


async def test_nobody_gets_a_tunnel(site: Site) -> None:
    client = await site.client()
    await client.send(b"CONNECT here:1 HTTP/1.1\r\nHost: here\r\n\r\n" + post(ROW))
    assert (await client.answer())[0] == 400
    assert await client.closed()
    assert site.parts.log.answered == []


async def test_pipelined_requests_are_answered_in_order(site: Site) -> None:
    client = await site.client()
    names = [f"number-{number}" for number in range(5)]
    await client.send(b"".join(post(ROW, f"X-Request-ID: {name}") for name in names))
    answers = [await client.answer() for _ in names]
    assert [headers["x-request-id"] for _, headers, _ in answers] == names


async def test_other_paths_go_the_other_way(site: Site) -> None:
    client = await site.client()
    await client.send(post(ROW, path="/v1/deployments/public/else"))
    assert (await client.answer())[0] == 404
    await client.send(post(ROW))
    assert (await client.answer())[0] == 200
    assert site.parts.by_asgi == 1


async def test_whoever_may_not_ask_is_told_before_the_body_has_come(site: Site) -> None:
    client = await site.client()
    whole = post(ROW, path="/v1/deployments/project/predict")
    await client.send(whole[: -len(ROW)])
    status, headers, body = await client.answer()
    assert (status, json.loads(body)["code"]) == (401, "unauthenticated")
    assert headers["www-authenticate"] == "Bearer"
    await client.send(
        ROW, post(ROW, f"X-API-Key: {KEY.plaintext}", path="/v1/deployments/project/predict")
    )
    assert (await client.answer())[0] == 200


async def test_each_request_is_let_in_by_its_own_key(site: Site) -> None:
    client, path = await site.client(), "/v1/deployments/project/predict"
    mine, other = f"X-API-Key: {KEY.plaintext}", f"X-API-Key: {make_key().plaintext}"
    found = []
    for header in (mine, other, mine, "X-Nothing: here", f"Authorization: {KEY.plaintext}", mine):
        await client.send(post(ROW, header, path=path))
        found.append((await client.answer())[0])
    assert found == [200, 401, 200, 401, 401, 200]
    site.parts.ring = KeyRing()
    await client.send(post(ROW, mine, path=path))
    assert (await client.answer())[0] == 401


async def test_a_release_answers_from_the_next_request_on(site: Site) -> None:
    client = await site.client()
    for number in (1, 2):
        served = deployment([ruled(1), ruled(2)], name="public", release=number, main=number)
        await site.parts.releases.take_up(Snapshot(sequence=1 + number, deployments=(served,)))
        await client.send(post(ROW))
        assert (await client.answer())[1]["x-model-version"] == str(number)


async def test_an_idle_connection_keeps_no_model_in_memory(site: Site) -> None:
    client, serving = await site.client(), site.parts.serving
    await client.send(post(ROW))
    assert (await client.answer())[0] == 200
    found = serving.table.find("public")
    assert found is not None
    assert found.live is not None
    model = weakref.ref(found.live.main.runner)
    serving.table = serving.table.having(found.sent_to_sleep())
    for key in [*site.parts.library.loaded()]:
        site.parts.library.unload(key)
    site.parts.log.answered.clear()
    del found
    gc.collect()
    assert model() is None


async def test_a_connection_whose_body_comes_after_its_refusal_is_idle_then(site: Site) -> None:
    client = await site.client()
    whole = post(ROW, path="/v1/deployments/project/predict")
    await client.send(whole[: -len(ROW)])
    assert (await client.answer())[0] == 401
    connection: Any = next(iter(site.state.connections))
    assert connection.timeout_keep_alive_task is not None
    await client.send(ROW[:-1])
    await _until(lambda: connection.timeout_keep_alive_task is None)
    await client.send(ROW[-1:])
    await _until(lambda: connection.timeout_keep_alive_task is not None)


async def test_a_body_beyond_the_limit_is_refused_before_it_has_come(site: Site) -> None:
    client = await site.client()
    await client.send(post(b" " * (LIMIT + 1))[:-500])
    assert (await client.answer())[0] == 413
    assert await client.closed()


async def test_an_old_protocol_is_answered_and_closed(site: Site) -> None:
    client = await site.client()
    await client.send(post(ROW, version="1.0"))
    assert (await client.answer())[0] == 200
    assert await client.closed()


async def test_a_client_may_ask_to_close(site: Site) -> None:
    client = await site.client()
    await client.send(post(ROW, "Connection: close"))
    status, headers, _ = await client.answer()
    assert (status, headers["connection"]) == (200, "close")
    assert await client.closed()


async def test_a_leaving_server_says_so(site: Site) -> None:
    client = await site.client()
    await client.send(post(ROW))
    assert "connection" not in (await client.answer())[1]
    site.state.default_headers.append((b"connection", b"close"))
    await client.send(post(ROW))
    assert (await client.answer())[1]["connection"] == "close"
    assert await client.closed()


async def test_too_many_at_once_are_turned_away(site: Site) -> None:
    waiting = [await site.client() for _ in range(4)]
    for client in waiting:
        await client.send(post(ROW)[:-1])
    await _until(lambda: site.parts.admission.under_way == 4)
    late = await site.client()
    await late.send(post(ROW))
    status, headers, _ = await late.answer()
    assert (status, headers["retry-after"]) == (503, "1")
    assert await late.closed()
    for client in waiting:
        await client.send(ROW[-1:])
        assert (await client.answer())[0] == 200
    assert site.parts.admission.under_way == 0
    assert site.parts.refusals("public", "overloaded", 503) == 1


async def test_connections_beyond_the_bound_count_as_requests_turned_down(site: Site) -> None:
    held = [await site.client() for _ in range(CONNECTIONS)]
    await _until(lambda: len(site.state.connections) == len(held))
    late = await site.client()
    status, headers, _ = await late.answer()
    assert (status, headers["retry-after"]) == (503, "1")
    assert site.parts.refusals("", "overloaded", 503) == 1


async def test_a_body_that_does_not_come_is_not_waited_for(site: Site) -> None:
    client = await site.client()
    await client.send(post(ROW)[:-1])
    await _until(lambda: site.parts.admission.under_way == 1)
    site.parts.clock = asyncio.get_running_loop().time() + 6.0
    await site.parts.admission.expire()
    status, _, body = await client.answer()
    assert (status, json.loads(body)["code"]) == (408, "slow_body")
    assert await client.closed()


async def test_a_client_that_goes_away_is_forgotten(site: Site) -> None:
    client = await site.client()
    await client.send(post(ROW)[:-1])
    await _until(lambda: site.parts.admission.under_way == 1)
    client.writer.transport.abort()
    await _until(lambda: site.parts.admission.under_way == 0)


async def _until(holds: Any) -> None:
    async with asyncio.timeout(WAIT):
        while not holds():  # noqa: ASYNC110 - a server tells nobody what it has read
            await asyncio.sleep(0.01)
