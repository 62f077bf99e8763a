"""`Idempotency-Key` on POST: the answer of the first time is given again."""

import hashlib
import hmac
import json
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.registry.api.rereading import with_body
from services.registry.operations.replies import Asked, Replies
from understudy.contracts.refusals import Refusal
from understudy.runtime.http import on_client_gone, on_http_exception, on_refusal
from understudy.runtime.keys import Caller

_HEADER: Final = "idempotency-key"
_REPLAYED: Final = "Idempotency-Replayed"
_KEPT: Final = ("content-type", "location", "etag", "cache-control", "preference-applied")
_MOST_BYTES: Final = 1 << 20
"""A longer answer is not kept."""


class Repeating:
    """ASGI middleware behind the door: keys belong to their caller."""

    def __init__(self, app: ASGIApp, replies: Replies) -> None:
        self._app = app
        self._replies = replies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        key = Headers(scope=scope).get(_HEADER) if scope["type"] == "http" else None
        caller: Caller | None = scope.get("state", {}).get("caller")
        if key is None or caller is None or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            body = await request.body()
            asked = Asked(caller.actor, key, _digest(key, scope, body), caller.grants)
            before = await run_in_threadpool(self._replies.begin, asked)
        except Refusal as refusal:
            await (await on_refusal(request, refusal))(scope, receive, send)
            return
        except ClientDisconnect as error:
            await (await on_client_gone(request, error))(scope, receive, send)
            return
        except HTTPException as error:  # the body is too large
            await (await on_http_exception(request, error))(scope, receive, send)
            return
        if before is not None:
            await _again(before, send)
        else:
            await self._answer(asked, scope, with_body(body, receive), send)

    async def _answer(self, asked: Asked, scope: Scope, receive: Receive, send: Send) -> None:
        kept = _Kept(send)
        try:
            await self._app(scope, receive, kept.send)
        except BaseException:
            await run_in_threadpool(self._replies.give_up, asked)
            raise
        if kept.whole:
            await run_in_threadpool(self._replies.end, asked, kept.status, kept.content)
        else:
            await run_in_threadpool(self._replies.give_up, asked)


class _Kept:
    """Lets an answer pass, and keeps it."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._headers: list[tuple[str, str]] = []
        self._body = bytearray()
        self.status = 0
        self.whole = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = Headers(raw=message["headers"])
            self._headers = [(name, headers[name]) for name in _KEPT if name in headers]
        elif len(self._body) <= _MOST_BYTES:
            self._body += message.get("body", b"")
            fits = len(self._body) <= _MOST_BYTES
            self.whole = fits and not message.get("more_body", False)
        await self._send(message)

    @property
    def content(self) -> bytes:
        """Headers as a line of JSON, then the body."""
        return json.dumps(self._headers).encode() + b"\n" + bytes(self._body)


async def _again(before: tuple[int, bytes], send: Send) -> None:
    status, content = before
    head, _, body = content.partition(b"\n")
    headers = MutableHeaders()
    for name, value in json.loads(head):
        headers[name] = value
    headers["Content-Length"] = str(len(body))
    headers[_REPLAYED] = "true"
    await send({"type": "http.response.start", "status": status, "headers": headers.raw})
    await send({"type": "http.response.body", "body": body})


def _digest(key: str, scope: Scope, body: bytes) -> str:
    # With the key, which is not kept: nobody finds a password of the body by trying many.
    place = f"{scope['method']} {scope['path']}?{scope['query_string'].decode('latin-1')}\n"
    return hmac.digest(key.encode(), place.encode() + body, hashlib.sha256).hex()
