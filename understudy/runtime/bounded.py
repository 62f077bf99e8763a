"""uvicorn's protocol with bounds on what one connection may hold."""

from asyncio import Transport
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from understudy.contracts.refusals import Fault, Refusal
from understudy.runtime.http import refusal_response

_INVALID: Final = "Invalid HTTP request received."


@dataclass(frozen=True, slots=True)
class ConnectionBounds:
    """What one process holds open."""

    connections: int
    head_seconds: float
    """How long a client may take to send a head, to read what was answered, or to send what is left
    of a body that was answered early."""
    head_bytes: int = 65_536
    """httptools and uvicorn set no bound to what comes before a body."""
    finish_seconds: float = 10.0
    """How long a stopping process waits for requests under way."""
    discard_bytes: int = 8 << 20
    """Of a body that was answered early so much is dropped, then the connection."""


class TooManyConnectionsError(Refusal):
    """As many connections are open as this process holds."""

    fault: ClassVar = Fault.UNAVAILABLE
    code: ClassVar = "overloaded"

    def __init__(self) -> None:
        super().__init__("Too many connections are open. Try again shortly.", retry_after=1)


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with bounds on connections and on what is read before a request begins."""

    def __init__(self, bounds: ConnectionBounds, **options: Any) -> None:
        super().__init__(**options)
        self._bounds = bounds
        self._ahead = 0
        """Bytes since the parser last told of a head, some body or an end."""
        self._dropped = 0
        """Bytes of a body that was answered before it came."""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Take a connection, or refuse it when there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self._bounds.connections:
            transport.write(_FULL)
            transport.close()
            self.turned_away(TooManyConnectionsError())

    def turned_away(self, refusal: Refusal) -> None:
        """A connection was refused before it asked for anything."""

    def data_received(self, data: bytes) -> None:
        """Parse; give up on heads, and on bodies nobody reads, that are too long."""
        self._unset_keepalive_if_required()
        self._ahead += len(data)
        try:
            self._parse(data)
        except httptools.HttpParserError:
            self.logger.warning(_INVALID)
            self.send_400_response(_INVALID)
            return
        if self._dropped > self._bounds.discard_bytes:
            self.transport.close()
        elif self._ahead > self._bounds.head_bytes:
            if self.cycle is None or self.cycle.response_complete:
                self.transport.write(_HEAD_TOO_LARGE)  # else it would answer the one under way
            self.transport.close()

    def on_headers_complete(self) -> None:
        """A head is whole."""
        if self.parser.should_upgrade():
            return  # see `_decline`
        self._ahead = self._dropped = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Some of a body came."""
        self._ahead = 0
        if self.cycle.response_complete:
            self._dropped += len(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is whole."""
        if self.parser.should_upgrade():
            return
        self._ahead = 0
        super().on_message_complete()
        if self.cycle.response_complete:
            self._idle()

    def _parse(self, data: bytes) -> None:
        rest: bytes | memoryview = data
        while True:
            try:
                self.parser.feed_data(rest)
            except httptools.HttpParserUpgrade as offer:
                rest = memoryview(rest)[offer.args[0] :]
            else:
                return
            self._decline()

    def _decline(self) -> None:
        """Go on in HTTP/1.1 after a head that offers another protocol.

        httptools stops there and would take the body for the next request, so that a parser of its
        own is given the head without the offer.
        """
        former = self.parser
        method, version = former.get_method(), former.get_http_version().encode()
        if method == b"CONNECT":
            raise httptools.HttpParserInvalidMethodError
        lines = [b"%b %b HTTP/%b" % (method, self.url, version)]
        lines += [b"%b: %b" % pair for pair in self.headers if pair[0] != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
        self.parser.feed_data(b"\r\n".join([*lines, b"", b""]))

    def _idle(self) -> None:
        """Nothing is left of a request that was answered early: wait for the next as usual."""
        self.cycle.more_body = False
        if self.timeout_keep_alive_task is None and not self.transport.is_closing():
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )


def _raw(status: bytes, body: bytes, *headers: bytes) -> bytes:
    lines = [
        b"HTTP/1.1 " + status,
        b"content-type: application/problem+json",
        b"content-length: %d" % len(body),
        b"connection: close",
        *headers,
    ]
    return b"\r\n".join([*lines, b"", body])


_FULL: Final = _raw(
    b"503 Service Unavailable",
    bytes(refusal_response(TooManyConnectionsError(), instance=None, request_id=None).body),
    b"retry-after: 1",
)
_HEAD_TOO_LARGE: Final = _raw(b"431 Request Header Fields Too Large", b"{}")
