"""Reads have tags, and whoever holds what is there is told so."""

from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from understudy.runtime.conditional import ConditionalReads


async def own(_request: Request) -> Response:
    return JSONResponse({"release": 3}, headers={"ETag": '"3"'})


async def plain(request: Request) -> Response:
    return JSONResponse({"q": request.url.query}, headers={"Link": "<x>; rel=next"})


async def secret(_request: Request) -> Response:
    return JSONResponse({"key": "us_"}, headers={"Cache-Control": "no-store"})


async def refused(_request: Request) -> Response:
    return JSONResponse({}, 404)


async def bare(_request: Request) -> Response:
    return Response(media_type="application/json")


async def text(_request: Request) -> Response:
    return PlainTextResponse("hello")


async def streamed(_request: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        yield b"{"
        yield b"}"

    return StreamingResponse(parts(), media_type="application/json")


pytestmark = pytest.mark.anyio

ROUTES = [own, plain, secret, refused, bare, text, streamed]
APP = ConditionalReads(
    Starlette(routes=[Route(f"/{do.__name__}", do, methods=["GET", "POST"]) for do in ROUTES])
)


async def ask(path: str, method: str = "GET", **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(app=APP)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        return await http.request(method, path, headers=named)


async def test_a_read_has_a_tag_and_is_not_sent_twice() -> None:
    first = await ask("/plain")
    assert first.headers["ETag"].startswith('W/"')
    again = await ask("/plain", If_None_Match=f'"other", {first.headers["ETag"]}')
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["Link"] == "<x>; rel=next"
    assert "Content-Length" not in again.headers


async def test_head_has_the_tag_of_get() -> None:
    first = await ask("/plain")
    assert (await ask("/plain", "HEAD")).headers["ETag"] == first.headers["ETag"]
    again = await ask("/plain", "HEAD", If_None_Match=first.headers["ETag"])
    assert again.status_code == 304
    assert "ETag" not in (await ask("/bare", "HEAD")).headers


async def test_what_changed_is_sent() -> None:
    first = await ask("/plain")
    changed = await ask("/plain?more", If_None_Match=first.headers["ETag"])
    assert changed.status_code == 200
    assert changed.headers["ETag"] != first.headers["ETag"]


@pytest.mark.parametrize("known", ['"3"', 'W/"3"', "*"])
async def test_a_tag_of_its_own_is_kept(known: str) -> None:
    assert (await ask("/own")).headers["ETag"] == '"3"'
    assert (await ask("/own", If_None_Match=known)).status_code == 304


@pytest.mark.parametrize("path", ["/secret", "/refused", "/text", "/streamed"])
async def test_other_answers_pass_as_they_are(path: str) -> None:
    answer = await ask(path, If_None_Match="*")
    assert "ETag" not in answer.headers
    assert answer.content


@pytest.mark.parametrize("path", ["/own", "/plain", "/text", "/streamed", "/bare"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_what_is_read_is_private(path: str, method: str) -> None:
    assert (await ask(path, method)).headers["Cache-Control"] == "private, no-cache"


async def test_who_keeps_an_answer_it_may_say_itself() -> None:
    assert (await ask("/secret")).headers["Cache-Control"] == "no-store"
    assert "Cache-Control" not in (await ask("/plain", "POST")).headers


async def test_only_reads_have_tags() -> None:
    assert "ETag" not in (await ask("/plain", "POST")).headers
