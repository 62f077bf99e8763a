"""A request that is refused or fails is counted once, by code and status."""

from collections.abc import Sequence

import pytest
from starlette.types import Message, Receive, Scope, Send

from understudy.runtime.http import PROBLEM_JSON
from understudy.runtime.refusals import CountedRefusals

pytestmark = pytest.mark.anyio


def answer(status: int, *parts: bytes, kind: str = PROBLEM_JSON) -> list[Message]:
    head = {
        "type": "http.response.start",
        "status": status,
        "headers": [(b"content-type", kind.encode())],
    }
    return [head, *({"type": "http.response.body", "body": part} for part in parts)]


async def counted(
    messages: Sequence[Message], *, fails: bool = False, path: str = "/x"
) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    sent: list[Message] = []

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)
        if fails:
            raise ZeroDivisionError

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    counting = CountedRefusals(app, lambda code, status: found.append((code, status)))
    try:
        await counting({"type": "http", "path": path}, receive, send)
    except ZeroDivisionError:
        assert fails
    assert sent == messages
    return found


@pytest.mark.parametrize(
    ("messages", "found"),
    [
        (answer(409, b'{"code": "stale"}'), [("stale", 409)]),
        (answer(409, b'{"co', b'de": "stale"}'), [("stale", 409)]),
        (answer(404, b""), [("other", 404)]),
        (answer(422, b'["code"]'), [("other", 422)]),
        (answer(418, b'{"code": "x"}', kind="application/json"), [("other", 418)]),
        (answer(200, b'{"code": "x"}'), []),
    ],
)
async def test_the_code_is_read_off_the_problem(
    messages: list[Message], found: list[tuple[str, int]]
) -> None:
    assert await counted(messages) == found


async def test_what_fails_is_counted_as_what_its_caller_was_told() -> None:
    assert await counted([], fails=True) == [("internal", 500)]
    assert await counted(answer(200, b"half"), fails=True) == [("internal", 500)]
    assert await counted(answer(503, b'{"code": "gone"}'), fails=True) == [("gone", 503)]


async def test_a_probe_refuses_nobody() -> None:
    assert await counted(answer(503, b'{"code": "x"}'), path="/readyz") == []
