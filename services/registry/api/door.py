"""What every request passes before it reaches a route: counting, the key, the limit of its body."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.registry.api.mlflow import artifacts as mlflow_artifacts
from services.registry.api.visiting import Visitors, to_sign_in
from services.registry.metrics import Metrics
from understudy.contracts.refusals import Refusal
from understudy.runtime.http import CLIENT_GONE, refusal_response, request_id_of
from understudy.runtime.keys import KeyRing, presented_key
from understudy.runtime.uses import Uses
from understudy.runtime.validation import require_single_members

OPEN: Final = frozenset(
    {
        "/livez",
        "/readyz",
        # Who is not signed in signs in there.
        "/signin",
        "/signin/oidc",
        "/signin/oidc/callback",
        "/v1/sessions",
        # A client shows its key's id and secret there, or learns how to.
        "/v1/oauth/token",
        "/v1/oauth/jwks",
        "/.well-known/oauth-authorization-server",
    }
)
OPEN_BELOW: Final = "/static/"
"""What the page to sign in looks like."""
STREAMED: Final = ("/v1/artifacts/", mlflow_artifacts.STREAMED)
"""Bodies below it are not read as a whole; the store has their limit."""
_UNKNOWN: Final = "unknown"


class Keyed:
    """Deny by default: but for what is open, nothing answers without a valid key or a session."""

    def __init__(
        self, app: ASGIApp, keys: Callable[[], KeyRing], visitors: Visitors, uses: Uses
    ) -> None:
        self._app = app
        self._keys = keys
        self._uses = uses
        self._visitors = visitors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or _open(scope["path"]):
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        try:
            presented = presented_key(Headers(scope=scope))
            admitted = await self._visitors.admit(scope, receive) if presented is None else None
            if admitted is not None:
                state["visitor"], receive = admitted
                state["caller"] = state["visitor"].caller
            elif presented is None and (elsewhere := to_sign_in(scope)) is not None:
                await elsewhere(scope, receive, send)
                return
            else:
                ring = await run_in_threadpool(self._keys)
                now = datetime.now(UTC)
                state["caller"] = ring.authenticate(presented, now)
                self._uses.note(state["caller"].actor, now)
        except Refusal as refusal:
            response = refusal_response(
                refusal, instance=scope["path"], request_id=request_id_of(scope)
            )
            await response(scope, receive, send)
            return
        except ClientDisconnect:
            await Response(status_code=CLIENT_GONE)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _open(path: str) -> bool:
    return path in OPEN or path.startswith(OPEN_BELOW)


class BoundedBodies:
    """Turns away a body that is too large to be read as a whole, at the byte that is too many."""

    def __init__(self, app: ASGIApp, limit_bytes: int) -> None:
        self._app = app
        self._limit_bytes = limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"].startswith(STREAMED):
            await self._app(scope, receive, send)
            return
        taken = 0

        async def bounded() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._limit_bytes:
                raise HTTPException(413, f"A body has at most {self._limit_bytes} bytes here.")
            return message

        await self._app(scope, bounded, send)


class SingleMembers:
    """Turns away JSON whose objects name a member twice, once a body that a route reads is whole.

    Raised where the route reads; `runtime.validation` says it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"].startswith(STREAMED):
            await self._app(scope, receive, send)
            return
        body = bytearray()

        async def looked_at() -> Message:
            message = await receive()
            body.extend(message.get("body", b""))
            if message["type"] == "http.request" and not message.get("more_body", False):
                require_single_members(bytes(body))
            return message

        await self._app(scope, looked_at, send)


class Counted:
    """Counts requests by the route that answered them, never by what the caller wrote."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            route = getattr(scope.get("route"), "path", _UNKNOWN)
            method = scope["method"] if route != _UNKNOWN else _UNKNOWN
            self._metrics.answered(route, method, status, time.perf_counter() - began)
