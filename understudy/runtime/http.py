"""HTTP manners shared by all services: problem bodies, request ids, probes, guarded metrics."""

import re
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from understudy.contracts.problems import FieldProblem, Problem
from understudy.contracts.refusals import Fault, Refusal
from understudy.runtime.tracing import TRACEPARENT, trace_told

PROBLEM_JSON: Final = "application/problem+json"

STATUS: Final[Mapping[Fault, int]] = {
    Fault.MALFORMED: 400,
    Fault.UNAUTHENTICATED: 401,
    Fault.FORBIDDEN: 403,
    Fault.NOT_FOUND: 404,
    Fault.METHOD: 405,
    Fault.SLOW: 408,
    Fault.CONFLICT: 409,
    Fault.PRECONDITION: 412,
    Fault.TOO_LARGE: 413,
    Fault.MEDIA_TYPE: 415,
    Fault.INVALID: 422,
    Fault.LIMITED: 429,
    Fault.FAILED: 500,
    Fault.UNSUPPORTED: 501,
    Fault.UNAVAILABLE: 503,
    Fault.DEADLINE: 504,
}

_TITLES: Final[Mapping[int, str]] = {
    400: "Malformed request",
    401: "Not authenticated",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    408: "Request timeout",
    409: "Conflict",
    412: "Precondition failed",
    413: "Too large",
    415: "Unsupported media type",
    422: "Invalid request",
    429: "Too many requests",
    500: "Internal error",
    501: "Not implemented",
    503: "Not available",
    504: "Deadline passed",
}

CLIENT_GONE: Final = 499
"""Nobody reads it; nginx's number, for those who count answers."""
_REQUEST_ID: Final = re.compile(r"^[A-Za-z0-9._:-]{1,128}$")


def refusal_response(refusal: Refusal, *, instance: str | None, request_id: str | None) -> Response:
    """The problem body of a refusal, with the headers that its status asks for."""
    status = STATUS[refusal.fault]
    problem = Problem(
        title=_TITLES[status],
        status=status,
        detail=refusal.detail,
        code=refusal.code,
        instance=instance,
        request_id=request_id,
        errors=tuple(FieldProblem(pointer=e.pointer, message=e.message) for e in refusal.errors),
    )
    headers = {"WWW-Authenticate": "Bearer"} if refusal.fault is Fault.UNAUTHENTICATED else {}
    if refusal.fault in {Fault.TOO_LARGE, Fault.SLOW}:
        # The rest of the body would be read and dropped before the next request.
        headers["Connection"] = "close"
    return problem_response(problem, {**headers, **when_to_come_again(refusal)})


def when_to_come_again(refusal: Refusal | None) -> dict[str, str]:
    """`Retry-After` in whole seconds; nothing where there is no such time."""
    if refusal is None or refusal.retry_after is None:
        return {}
    return {"Retry-After": str(max(1, round(refusal.retry_after)))}


def problem_response(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """A problem as `application/problem+json`; empty members are left out."""
    body = problem.model_dump(mode="json", exclude_none=True, exclude_defaults=False)
    if not problem.errors:
        del body["errors"]
    return JSONResponse(body, problem.status, headers, media_type=PROBLEM_JSON)


def request_id_of(scope: Scope) -> str | None:
    """The id that `RequestIds` gave the request."""
    found = scope.get("state", {}).get("request_id")
    return found if isinstance(found, str) else None


async def on_refusal(request: Request, refusal: Exception) -> Response:
    """Starlette exception handler for `Refusal`."""
    assert isinstance(refusal, Refusal)  # noqa: S101 - registered for Refusal only
    return refusal_response(
        refusal, instance=request.url.path, request_id=request_id_of(request.scope)
    )


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Starlette exception handler for its own HTTPException (no route, wrong method)."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for HTTPException only
    title = _TITLES.get(error.status_code, "Error")
    problem = Problem(
        title=title,
        status=error.status_code,
        detail=error.detail,
        code=title.lower().replace(" ", "_"),
        instance=request.url.path,
        request_id=request_id_of(request.scope),
    )
    return problem_response(problem, error.headers)


async def on_client_gone(_request: Request, _error: Exception) -> Response:
    """Starlette exception handler for a client that closed before its request was whole."""
    return Response(status_code=CLIENT_GONE)


async def on_exception(request: Request, error: Exception) -> Response:
    """Starlette exception handler for what nobody foresaw."""
    request_id = request_id_of(request.scope)
    response = failure_response(error, instance=request.url.path, request_id=request_id)
    # Starlette answers it outside of all middleware that was added to an application.
    if request_id is not None:
        response.headers["X-Request-ID"] = request_id
        response.headers["Server-Timing"] = server_timing(request.scope["state"]["since"])
    return response


def failure_response(error: Exception, *, instance: str, request_id: str | None) -> Response:
    """What nobody foresaw: logged whole, told without a trace."""
    structlog.stdlib.get_logger().error(
        "request_failed", path=instance, request_id=request_id, exc_info=error
    )
    problem = Problem(
        title=_TITLES[500],
        status=500,
        detail="The request failed for a reason on our side; the log has it under the request id.",
        code="internal",
        instance=instance,
        request_id=request_id,
    )
    return problem_response(problem)


EXCEPTION_HANDLERS: Final[Mapping[Any, Callable[[Request, Exception], Awaitable[Response]]]] = {
    Refusal: on_refusal,
    HTTPException: on_http_exception,
    ClientDisconnect: on_client_gone,
    Exception: on_exception,
}


def server_timing(since: float) -> str:
    """The value of `Server-Timing` for a request that came at `since`, by `time.perf_counter`."""
    return f"app;dur={1_000 * (time.perf_counter() - since):.3f}"


class RequestIds:
    """ASGI middleware: the headers of every answer, and what log lines of a request hold.

    Echoes a well-formed `X-Request-ID`, or makes one; tells `Server-Timing` until an answer begins,
    where the answer does not. Lines have the request's id, and the trace that it is part of.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        since, headers = time.perf_counter(), Headers(scope=scope)
        presented = headers.get("x-request-id", "")
        request_id = presented if _REQUEST_ID.match(presented) else uuid.uuid4().hex
        scope.setdefault("state", {}).update(request_id=request_id, since=since)
        bound = {"request_id": request_id}
        if (trace := trace_told(headers.getlist(TRACEPARENT))) is not None:
            bound["trace_id"] = trace

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered = MutableHeaders(scope=message)
                answered["X-Request-ID"] = request_id
                answered.setdefault("Server-Timing", server_timing(since))
            await send(message)

        with structlog.contextvars.bound_contextvars(**bound):
            await self._app(scope, receive, send_with_id)


def readiness_response(missing: Mapping[str, str]) -> Response:
    """`/readyz`: 200 when nothing is missing, else 503 and what is, by name."""
    if not missing:
        return JSONResponse({"ready": True})
    return JSONResponse({"ready": False, "missing": dict(missing)}, 503, {"Retry-After": "1"})


async def liveness(_request: Request) -> Response:
    """`/livez`: the process answers; depends on nothing else."""
    return JSONResponse({"live": True})
