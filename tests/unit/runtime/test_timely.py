"""Bodies that don't come."""

import asyncio

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from understudy.contracts.refusals import SlowBodyError
from understudy.runtime.timely import TimelyBodies

pytestmark = pytest.mark.anyio

START: Message = {"type": "http.response.start", "status": 200, "headers": []}


async def never() -> Message:
    await asyncio.Event().wait()
    raise AssertionError


async def unheard(_message: Message) -> None:
    pass


async def reads(_scope: Scope, receive: Receive, _send: Send) -> None:
    while (await receive()).get("more_body"):
        pass


async def answers_and_waits(_scope: Scope, receive: Receive, send: Send) -> None:
    await send(START)
    await receive()


async def reads_and_waits(scope: Scope, receive: Receive, send: Send) -> None:
    await reads(scope, receive, send)
    await receive()


def scope_of(path: str) -> Scope:
    return {"type": "http", "path": path}


async def test_a_body_that_does_not_come_is_refused() -> None:
    with pytest.raises(SlowBodyError, match=r"within 0\.01 s"):
        await TimelyBodies(reads, 0.01)(scope_of("/a"), never, unheard)


async def test_one_that_comes_byte_by_byte_is_refused_too() -> None:
    async def drip() -> Message:
        await asyncio.sleep(0.001)
        return {"type": "http.request", "body": b"a", "more_body": True}

    with pytest.raises(SlowBodyError):
        await TimelyBodies(reads, 0.01)(scope_of("/a"), drip, unheard)


@pytest.mark.parametrize(
    ("app", "path"),
    [(answers_and_waits, "/a"), (reads_and_waits, "/a"), (reads, "/streamed/a")],
)
async def test_who_waits_for_something_else_goes_on_waiting(app: ASGIApp, path: str) -> None:
    told = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Message:
        if app is reads_and_waits and told:
            return told.pop()
        return await never()

    bounded = TimelyBodies(app, 0.01, ("/streamed/",))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await bounded(scope_of(path), receive, unheard)
