"""`RateLimit` and `RateLimit-Policy` on every answer to a limited key, whatever dialect it speaks.

Whoever finds out who asks notes the allowance with the request; the fields are written when the
answer begins, so that they tell what is left after it. `api.predict` writes its own.
"""

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.serving.operations.limiting import Allowance

_ALLOWANCE: Final = "allowance"


def note_allowance(request: Request, allowance: Allowance | None) -> None:
    """Have the answer say what the key may still ask."""
    if allowance is not None:
        request.scope.setdefault("state", {})[_ALLOWANCE] = allowance


def add_fields(headers: MutableHeaders, allowance: Allowance) -> None:
    """Both fields."""
    headers["RateLimit-Policy"] = allowance.policy
    headers["RateLimit"] = allowance.state


class LimitFields:
    """ASGI middleware: what was noted is said."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def say(message: Message) -> None:
            if message["type"] == "http.response.start":
                allowance = scope.get("state", {}).get(_ALLOWANCE)
                if allowance is not None:
                    add_fields(MutableHeaders(scope=message), allowance)
            await send(message)

        await self._app(scope, receive, say)
