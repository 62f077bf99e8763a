"""Refusals are counted by code and status, wherever they come from."""

import httpx
import pytest
from fastapi import APIRouter
from starlette.responses import Response

from services.monitor.app import http_app
from services.monitor.domain.errors import NotReadyError
from understudy.runtime.http import readiness_response

pytestmark = pytest.mark.anyio


async def counted(path: str, method: str = "GET") -> list[tuple[str, int]]:
    router, found = APIRouter(), list[tuple[str, int]]()

    @router.get("/refused")
    async def refused() -> None:
        raise NotReadyError("not yet", retry_after=1.0)

    @router.get("/broken")
    async def broken() -> None:
        raise ZeroDivisionError

    @router.get("/plain")
    async def plain(status: int = 204) -> Response:
        return Response(status_code=status)

    @router.get("/readyz")
    async def readyz() -> Response:
        return readiness_response({"redis": "is not there"})

    def note(code: str, status: int) -> None:
        found.append((code, status))

    transport = httpx.ASGITransport(http_app(router, refused=note), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://monitor") as client:
        await client.request(method, path)
    return found


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/refused", [("not_ready", 503)]),
        ("/broken", [("internal", 500)]),
        ("/plain?status=x", [("invalid", 422)]),
        ("/plain?status=418", [("other", 418)]),
        ("/nowhere", [("not_found", 404)]),
        ("/plain", []),
        ("/readyz", []),
    ],
)
async def test_what_is_refused_is_counted_once(path: str, found: list[tuple[str, int]]) -> None:
    assert await counted(path) == found


async def test_a_wrong_method_is_one_of_them() -> None:
    assert await counted("/plain", "DELETE") == [("method_not_allowed", 405)]


async def test_what_is_read_again_is_told_in_a_few_bytes() -> None:
    router = APIRouter()

    @router.get("/known")
    async def known() -> dict[str, int]:
        return {"rows": 1}

    transport = httpx.ASGITransport(http_app(router))
    async with httpx.AsyncClient(transport=transport, base_url="http://monitor") as client:
        first = await client.get("/known")
        again = await client.get("/known", headers={"If-None-Match": first.headers["ETag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
