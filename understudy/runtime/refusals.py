"""Counts what was refused, whichever route, handler or middleware refused it."""

import json
from collections.abc import Callable
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from understudy.runtime.http import CLIENT_GONE, PROBLEM_JSON

Refused = Callable[[str, int], None]
"""Is told code and status."""

WATCHED: Final = (("unauthenticated", 401), ("forbidden", 403))
"""What is watched for abuse; counters have it before it happens."""
_FAILED: Final = ("internal", 500)
_LOWEST: Final = 400
_PROBES: Final = frozenset({"/livez", "/readyz"})
"""What is not ready says so in a body of its own: that refuses nobody."""


def uncounted(_code: str, _status: int) -> None:
    """For who counts none."""


class CountedRefusals:
    """ASGI middleware: reads the code off problem bodies as they pass.

    Each request is counted once at most; "other" is the code of an answer that is no problem.
    """

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

        failed = True
        try:
            await self._app(scope, receive, send_on)
            failed = False
        finally:
            # Who failed may have said so before the failure came through here.
            if problem.status == CLIENT_GONE:
                pass  # nobody was there to be refused
            elif problem.status >= _LOWEST:
                self._refused(problem.code, problem.status)
            elif failed:
                self._refused(*_FAILED)


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
        try:
            return str(json.loads(self._body)["code"])
        except (ValueError, LookupError, TypeError):
            return "other"
