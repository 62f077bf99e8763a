"""So many requests at a time, and so long for each; the rest is refused early and cheaply."""

import asyncio
import json
from collections.abc import MutableMapping
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from services.serving.api.admission import Admission, Bounds
from understudy.contracts.refusals import Refusal

pytestmark = pytest.mark.anyio


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class World:
    """An application that reads a body and answers when the test lets it."""

    def __init__(self, requests: int = 2) -> None:
        self.clock = Clock()
        self.gate = asyncio.Event()
        self.begun = 0
        bounds = Bounds(requests=requests, request_seconds=10.0, body_seconds=5.0)
        self.noted: list[tuple[str | None, str]] = []
        self.admission = Admission(self.answer, bounds, self.note, self.clock)

    def note(self, deployment: str | None, refusal: Refusal | None) -> None:
        assert refusal is not None
        self.noted.append((deployment, refusal.code))

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        self.begun += 1
        while (await receive()).get("more_body"):
            pass
        await self.gate.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    def request(self, *, path: str = "/v1", body_comes: bool = True) -> "Request":
        return Request(self.admission, path, body_comes=body_comes)


class Request:
    def __init__(self, admission: Admission, path: str, *, body_comes: bool) -> None:
        self.sent: list[MutableMapping[str, Any]] = []
        self._body_comes = body_comes
        scope = {"type": "http", "path": path, "headers": []}
        self.task = asyncio.create_task(admission(scope, self.receive, self.send))

    async def receive(self) -> Message:
        if not self._body_comes:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    async def outcome(self) -> tuple[int, str | None]:
        await self.task
        code = json.loads(self.sent[1]["body"]).get("code")
        return self.sent[0]["status"], code


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/deployments/flowers/labels",
        "/v2/models/flowers/versions/1/infer",
        "/v1/models/flowers:predict",
        "/deployments/flowers/invocations",
        "/endpoints/flowers/invocations",
    ],
)
async def test_what_is_too_much_is_refused_before_its_body_is_read(path: str) -> None:
    world = World(requests=2)
    admitted = [world.request(), world.request()]
    await turns()
    refused = world.request(path=path, body_comes=False)
    assert await refused.outcome() == (503, "overloaded")
    assert (b"retry-after", b"1") in refused.sent[0]["headers"]
    assert world.begun == 2
    assert world.noted == [("flowers", "overloaded")]
    world.gate.set()
    assert [await request.outcome() for request in admitted] == [(200, None)] * 2
    assert world.admission.under_way == 0
    assert await world.request().outcome() == (200, None)


@pytest.mark.parametrize(
    "path",
    ["/", "/readyz", "/ping", "/health", "/v2/health/ready", "/v2/health/live"],
)
async def test_probes_are_answered_however_much_is_under_way(path: str) -> None:
    world = World(requests=1)
    first = world.request()
    await turns()
    probe = world.request(path=path)
    await turns()
    assert world.begun == 2
    world.gate.set()
    assert await first.outcome() == await probe.outcome() == (200, None)


async def test_a_request_that_takes_too_long_is_told_so_and_its_work_is_cancelled() -> None:
    world = World()
    old = world.request()
    await turns()
    world.clock.now = 6.0
    young = world.request()
    await turns()
    world.clock.now = 10.0
    await world.admission.expire()
    assert await old.outcome() == (504, "deadline")
    assert not young.task.done()
    world.gate.set()
    assert await young.outcome() == (200, None)


async def test_a_body_that_does_not_come_ends_its_connection() -> None:
    world = World()
    slow = world.request(body_comes=False)
    await turns()
    world.clock.now = 4.9
    await world.admission.expire()
    assert not slow.task.done()
    world.clock.now = 5.0
    await world.admission.expire()
    assert await slow.outcome() == (408, "slow_body")
    assert (b"connection", b"close") in slow.sent[0]["headers"]
    assert world.noted == [(None, "slow_body")]


async def test_a_cancellation_of_somebody_else_is_passed_on() -> None:
    world = World()
    request = world.request()
    await turns()
    request.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request.task
    assert request.sent == []
    assert world.admission.under_way == 0
