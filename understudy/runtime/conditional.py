"""Entity tags of what is read: who has it already is told so in a few bytes (RFC 9110 §13)."""

import hashlib
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PRIVATE: Final = "private, no-cache"
"""For what depends on who asks: nobody keeps it for others, and nobody shows it unasked."""
_TYPED: Final = "application/json"
_MOST_BYTES: Final = 1 << 20
"""Longer answers pass without a tag."""
_KEPT: Final = frozenset({"etag", "cache-control", "date", "link", "vary", "x-request-id"})
"""What a 304 says of the answer that it stands for."""


class ConditionalReads:
    """ASGI middleware: gives JSON answers to GET and HEAD a weak tag, and 304 to whoever holds it.

    All of 200 are private unless they say otherwise. An answer with a tag of its own keeps it. The
    work is done all the same: what is saved is the way of the body.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and scope["method"] in {"GET", "HEAD"}:
            send = _Held(Headers(scope=scope).get("if-none-match", ""), send).send
        await self._app(scope, receive, send)


class _Held:
    """Holds an answer back until its body is there, if it may have a tag."""

    def __init__(self, known: str, send: Send) -> None:
        self._known = known
        self._send = send
        self._head: Message | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200:
            message = _private(message)
            if _may_have_a_tag(message):
                self._head = message
                return
        head, self._head = self._head, None
        if head is not None:
            # Without a body there is nothing to make a tag of: some answer HEAD so.
            if (
                message.get("more_body", False)
                or not 0 < len(message.get("body", b"")) <= _MOST_BYTES
            ):
                await self._send(head)
            else:
                head, message = _tagged(head, message, self._known)
                await self._send(head)
        await self._send(message)


def _private(head: Message) -> Message:
    """Unless the answer says itself who keeps it."""
    headers = MutableHeaders(raw=[*head["headers"]])
    headers.setdefault("Cache-Control", PRIVATE)
    return {**head, "headers": headers.raw}


def _may_have_a_tag(message: Message) -> bool:
    headers = Headers(raw=message["headers"])
    kind = headers.get("content-type", "").partition(";")[0]
    uncached = "no-store" in headers.get("cache-control", "")
    return kind == _TYPED and not uncached


def _tagged(head: Message, body: Message, known: str) -> tuple[Message, Message]:
    headers = MutableHeaders(raw=[*head["headers"]])
    digest = hashlib.blake2b(body.get("body", b""), digest_size=12).hexdigest()
    tag = headers.setdefault("ETag", f'W/"{digest}"')
    if not _names(known, tag):
        return {**head, "headers": headers.raw}, body
    kept = [pair for pair in headers.raw if pair[0].decode("latin-1").lower() in _KEPT]
    return {**head, "status": 304, "headers": kept}, {**body, "body": b""}


def _names(known: str, tag: str) -> bool:
    """By weak comparison: the bytes were the same, or mean the same."""
    wanted = {each.strip().removeprefix("W/") for each in known.split(",")}
    return "*" in wanted or tag.removeprefix("W/") in wanted
