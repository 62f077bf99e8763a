"""Problem bodies, request ids, probes."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
import structlog
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from structlog.testing import capture_logs

from understudy.contracts.problems import Problem
from understudy.contracts.refusals import Fault, FieldError, Refusal
from understudy.runtime.http import (
    EXCEPTION_HANDLERS,
    STATUS,
    RequestIds,
    liveness,
    readiness_response,
)

pytestmark = pytest.mark.anyio


class BusyError(Refusal):
    """Too much to do."""

    fault = Fault.UNAVAILABLE
    code = "busy"


async def _refuse(_request: Request) -> Response:
    raise BusyError("Busy.", FieldError("/a", "later"), retry_after=0.2)


async def _crash(_request: Request) -> Response:
    raise ZeroDivisionError("secret detail")


async def _note(_request: Request) -> Response:
    structlog.stdlib.get_logger().info("noted")
    return Response()


async def _not_ready(_request: Request) -> Response:
    return readiness_response({"snapshot": "not known yet"})


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    routes = [
        Route("/refuse", _refuse),
        Route("/crash", _crash),
        Route("/readyz", _not_ready),
        Route("/livez", liveness),
        Route("/noting", _note),
    ]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(RequestIds)],
        exception_handlers=dict(EXCEPTION_HANDLERS),
    )
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def test_a_refusal_becomes_a_problem(client: httpx.AsyncClient) -> None:
    answer = await client.get("/refuse", headers={"X-Request-ID": "r-1"})
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "1"
    problem = Problem.model_validate_json(answer.content)
    assert (problem.code, problem.request_id, problem.instance) == ("busy", "r-1", "/refuse")
    assert problem.errors[0].pointer == "/a"


async def test_a_crash_is_told_without_its_detail(client: httpx.AsyncClient) -> None:
    answer = await client.get("/crash")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.json()["request_id"]


async def test_no_route_is_a_problem_too(client: httpx.AsyncClient) -> None:
    answer = await client.get("/nowhere")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_an_ill_formed_request_id_is_replaced(client: httpx.AsyncClient) -> None:
    answer = await client.get("/livez", headers={"X-Request-ID": "a b"})
    assert answer.headers["x-request-id"] not in {"", "a b"}


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/refuse", "/crash", "/nowhere"])
async def test_every_answer_has_an_id_and_how_long_it_took(
    client: httpx.AsyncClient, path: str
) -> None:
    answer = await client.get(path, headers={"X-Request-ID": "r-1"})
    assert answer.headers.get_list("server-timing") == [answer.headers["server-timing"]]
    assert re.fullmatch(r"app;dur=\d+\.\d{3}", answer.headers["server-timing"])

    assert answer.headers["x-request-id"] == "r-1"


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
VALID = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    ("told", "trace"),
    [([VALID], TRACE), ([], None), (["00-x"], None), ([VALID, VALID], None)],
)
async def test_lines_name_the_request_and_its_trace(
    client: httpx.AsyncClient, told: list[str], trace: str | None
) -> None:
    headers = [("X-Request-ID", "r-1"), *(("traceparent", one) for one in told)]
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        await client.get("/noting", headers=headers)
        await client.get("/noting")
    assert (lines[0]["request_id"], lines[0].get("trace_id")) == ("r-1", trace)
    assert "trace_id" not in lines[1]


async def test_not_ready_names_what_is_missing(client: httpx.AsyncClient) -> None:
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "missing": {"snapshot": "not known yet"}}


def test_every_fault_has_a_status() -> None:
    assert set(STATUS) == set(Fault)
