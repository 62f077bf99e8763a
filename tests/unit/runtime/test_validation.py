"""Manners of services on FastAPI: what a path takes is told, however its routers are nested."""

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from understudy.runtime.validation import HANDLERS

pytestmark = pytest.mark.anyio


def nested() -> FastAPI:
    inner, outer = APIRouter(), APIRouter(prefix="/v1")

    @inner.get("/things/{name}")
    @inner.delete("/things/{name}")
    @outer.get("/hidden", include_in_schema=False)
    @outer.post("/things")
    def done(name: str = "") -> str:
        return name

    outer.include_router(inner)
    app = FastAPI(openapi_url=None, exception_handlers=dict(HANDLERS))
    app.include_router(outer)

    @app.get("/v1/things")
    @app.api_route("/v1/things/{rest:path}", methods=["PATCH"], include_in_schema=False)
    def listed() -> str:
        return ""

    return app


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/v1/things", "GET, POST"),
        ("/v1/things/one", "DELETE, GET"),
        ("/v1/hidden", "GET"),
    ],
)
async def test_all_that_a_path_takes_is_told(path: str, methods: str) -> None:
    transport = httpx.ASGITransport(nested())
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        answer = await http.put(path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, methods)
