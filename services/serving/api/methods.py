"""Paths that take one method; whoever comes by another one is told which."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

Handler = Callable[[Request], Awaitable[Response]]

METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})


def taking(method: str, path: str, handle: Handler) -> Sequence[BaseRoute]:
    """The path, for that method."""
    return [
        Route(path, handle, methods=[method]),
        Route(path, only(method), methods=[*METHODS - {method}]),
    ]


def only(method: str) -> Handler:
    """Refuses whatever comes by another method."""

    async def refuse(request: Request) -> Response:
        raise HTTPException(
            405, f"{request.method} is not for this path; use {method}.", {"Allow": method}
        )

    return refuse
