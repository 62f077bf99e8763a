"""Problems in the form of another protocol, whoever wrote them: a route, the door, a middleware."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from understudy.runtime.http import PROBLEM_JSON

Form = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Makes a body of a problem's members."""


class InForm:
    """ASGI middleware: problem bodies below some paths become `application/json` of that form."""

    def __init__(self, app: ASGIApp, speaks: Callable[[str], bool], form: Form) -> None:
        self._app = app
        self._speaks = speaks
        self._form = form

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and self._speaks(scope["path"]):
            send = _Translation(send, self._form).send
        await self._app(scope, receive, send)


class _Translation:
    """Holds a problem back until it is whole; lets everything else pass."""

    def __init__(self, send: Send, form: Form) -> None:
        self._send = send
        self._form = form
        self._head: Message | None = None
        self._body = bytearray()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if Headers(raw=message["headers"]).get("content-type") == PROBLEM_JSON:
                self._head = message
                return
        elif self._head is not None:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._say(self._head)
            return
        await self._send(message)

    async def _say(self, head: Message) -> None:
        problem: dict[str, Any] = json.loads(self._body) if self._body else {}
        content = json.dumps(self._form(problem)).encode()
        headers = MutableHeaders(raw=head["headers"])
        headers["Content-Type"] = "application/json"
        headers["Content-Length"] = str(len(content))
        await self._send({**head, "headers": headers.raw})
        await self._send({"type": "http.response.body", "body": content})
