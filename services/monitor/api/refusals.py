"""Counts what was refused, whichever route, handler or middleware refused it."""

import json
from collections.abc import Callable
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from understudy.runtime.http import PROBLEM_JSON

Refused = Callable[[str, int], None]
"""Is told code and status."""


def uncounted(_code: str, _status: int) -> None:
    """For who counts none."""


_FAILED: Final = ("internal", 500)
_LOWEST: Final = 400
_PROBES: Final = frozenset({"/livez", "/readyz"})
"""What is not ready says so in a body of its own: that refuses nobody."""


class CountedRefusals:
    """ASGI middleware: reads the code off problem bodies as they pass."""

    def __init__(self, app: ASGIApp, refused: Refused) -> None:
        self._app = app
        self._refused = refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] in _PROBES:
            await self._app(scope, receive, send)
            return
        problem = _Problem()

        async def send_on(message: Message) -> None:
            problem.see(message)
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        except Exception:
            self._refused(*_FAILED)
            raise
        if problem.status >= _LOWEST:
            self._refused(problem.code, problem.status)


class _Problem:
    """What is seen of one answer."""

    def __init__(self) -> None:
        self.status = 0
        self._tells = False
        self._body = bytearray()

    def see(self, message: Message) -> None:
        """One part of it."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            kind = Headers(raw=message["headers"]).get("content-type", "")
            self._tells = self.status >= _LOWEST and kind.startswith(PROBLEM_JSON)
        elif self._tells:
            self._body += message.get("body", b"")

    @property
    def code(self) -> str:
        """Of the problem; "other" of an answer that is none."""
        return str(json.loads(self._body)["code"]) if self._body else "other"
