"""Errors in the form of the dialect that was asked in.

Clients of other protocols show what stands in `error`, of bodies that are `application/json` to the
letter. Whatever refuses such a request (a route, admission, BentoML's application) writes a problem
body as everywhere; here it gets that member and that type.
"""

import json
from typing import Any, Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from understudy.runtime.http import PROBLEM_JSON

_PREFIXES: Final = ("/v2/", "/v1/models", "/endpoints/", "/invocations", "/version", "/ping")
_SUFFIX: Final = "/invocations"


def speaks_a_dialect(path: str) -> bool:
    """Whether a path is of a protocol whose clients look for `error`."""
    return path == "/v2" or path.startswith(_PREFIXES) or path.endswith(_SUFFIX)


class Spoken:
    """ASGI middleware: problem bodies below dialects' paths get a member `error`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and speaks_a_dialect(scope["path"]):
            send = _Translation(send).send
        await self._app(scope, receive, send)


class _Translation:
    """Holds a problem back until it is whole; lets everything else pass."""

    def __init__(self, send: Send) -> None:
        self._send = send
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
        content = _with_error(bytes(self._body))
        headers = MutableHeaders(raw=head["headers"])
        headers["Content-Type"] = "application/json"
        headers["Content-Length"] = str(len(content))
        await self._send({**head, "headers": headers.raw})
        await self._send({"type": "http.response.body", "body": content})


def _with_error(body: bytes) -> bytes:
    problem: dict[str, Any] = json.loads(body) if body else {}
    said = [str(problem.get("detail", "The request failed."))]
    said += [f"{error['pointer']}: {error['message']}" for error in problem.get("errors", ())]
    # A single error often repeats the detail in other words; one of them is enough.
    text = said[0] if len(said) < 3 else "; ".join(said)
    return json.dumps({"error": text, **problem}).encode()
