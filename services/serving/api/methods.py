"""Paths that take one method; whoever comes by another one is told which.

What is read there depends on the key, so no proxy keeps it for others.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import wraps
from typing import Final

from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.serving.api.bodies import ClientGoneError
from understudy.runtime.conditional import PRIVATE
from understudy.runtime.http import CLIENT_GONE

Handler = Callable[[Request], Awaitable[Response]]

METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})


def taking(
    method: str, path: str, handle: Handler, middleware: Sequence[Middleware] = ()
) -> Sequence[BaseRoute]:
    """The path, for that method. The handler may raise ClientGoneError."""

    @wraps(handle)
    async def answer(request: Request) -> Response:
        try:
            response = await handle(request)
        except ClientGoneError:
            return Response(status_code=CLIENT_GONE)
        if method == "GET":
            response.headers.setdefault("Cache-Control", PRIVATE)
        return response

    return [
        Route(path, answer, methods=[method], middleware=middleware),
        Route(path, only(method), methods=[*METHODS - {method}]),
    ]


def only(method: str) -> Handler:
    """Refuses whatever comes by another method."""

    async def refuse(request: Request) -> Response:
        raise HTTPException(
            405, f"{request.method} is not for this path; use {method}.", {"Allow": method}
        )

    return refuse
