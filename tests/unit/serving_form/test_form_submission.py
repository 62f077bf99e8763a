"""What is sent is read within bounds."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.requests import Request
from starlette.types import Message

from services.serving.domain.errors import MalformedBodyError
from services.serving.pages import submission
from services.serving.pages.submission import MOST_BYTES, MOST_FIELDS, read_submission

pytestmark = pytest.mark.anyio

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def _many_bytes() -> AsyncIterator[bytes]:
    for _ in range(MOST_BYTES // 100_000 + 2):
        yield b"x" * 100_000


async def test_too_long_a_form_is_refused(browser: httpx.AsyncClient) -> None:
    answer = await browser.post("/iris/form", content=_many_bytes(), headers=FORM)
    assert answer.status_code == 413
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"a=1&" * (MOST_FIELDS + 1), FORM["Content-Type"]),
        (b"{}", "application/json"),
        (b"--x--", "multipart/form-data; boundary=x"),
        (b"", ""),
    ],
)
async def test_what_is_no_form_is_refused(
    browser: httpx.AsyncClient, content: bytes, kind: str
) -> None:
    answer = await browser.post("/iris/form", content=content, headers={"Content-Type": kind})
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/html")


async def test_broken_encodings_are_values_that_do_not_fit(browser: httpx.AsyncClient) -> None:
    body = b"in.sepal_length=%ff%zz&in.\xff\xfe=1&=&&in.sepal_width=1%00"
    answer = await browser.post("/iris/form", content=body, headers=FORM)
    assert answer.status_code == 422


@pytest.mark.parametrize("stalls", [True, False])
async def test_a_sender_that_stalls_or_leaves_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, *, stalls: bool
) -> None:
    monkeypatch.setattr(submission, "READ_SECONDS", 0.01)

    async def receive() -> Message:
        if stalls:
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    headers = [(b"content-type", FORM["Content-Type"].encode())]
    request = Request({"type": "http", "method": "POST", "headers": headers}, receive)
    with pytest.raises(MalformedBodyError):
        await read_submission(request)
