"""uvicorn's connections: how many there are, how long a request's head may take, how they end.

BentoML starts uvicorn with options of its own, so its server is found and told what is missing.
"""

import asyncio
import signal
import socket
import time
from asyncio import Transport
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import Server

from services.serving.domain.errors import OverloadedError
from understudy.runtime.http import refusal_response

_LOOK_SECONDS: Final = 0.5
_SETTLE_SECONDS: Final = 0.01
_DISCARD_BYTES: Final = 8 << 20
"""Of a body that was answered before it was read: so much of it is dropped, then the connection."""
_INVALID: Final = "Invalid HTTP request received."
_CLOSE: Final = (b"connection", b"close")


@dataclass(frozen=True, slots=True)
class ConnectionBounds:
    """What one worker holds open."""

    connections: int
    head_seconds: float
    head_bytes: int = 65_536
    """httptools and uvicorn set no bound to what comes before a body."""
    finish_seconds: float = 10.0
    """How long a stopping worker waits for requests under way."""


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
        if self._dropped > _DISCARD_BYTES:
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


class Connections:
    """The connections of one uvicorn server."""

    def __init__(
        self,
        server: Server,
        bounds: ConnectionBounds,
        protocol: Callable[..., BoundedProtocol] = BoundedProtocol,
    ) -> None:
        self._server = server
        self._bounds = bounds
        self._protocol = partial(protocol, bounds)
        self._since: dict[Any, tuple[Any, float]] = {}
        """Of each connection between two requests: the one before, and when it was first seen."""

    def bound(self) -> None:
        """Set the bounds; before the server accepts its first connection."""
        config = self._server.config
        config.http_protocol_class = self._protocol  # type: ignore[assignment]
        config.ws_protocol_class = None  # nothing here speaks it
        config.timeout_graceful_shutdown = max(1, round(self._bounds.finish_seconds))

    def say_close(self) -> None:
        """From now on each answer is the last of its connection."""
        self._server.config.encoded_headers.append(_CLOSE)
        # In place: requests under way hold the same list.
        self._server.server_state.default_headers.append(_CLOSE)

    async def stop_accepting(self, *, last: bool) -> None:
        """Leave new connections to others; when there are none, have them refused at once.

        What is accepted is served. A listening socket that nobody accepts from would take
        connections, and reset them when the last process that holds it ends.
        """
        for server in self._server.servers:
            listeners = [socket.socket(fileno=_duplicate(found)) for found in server.sockets]
            waiting = [c for listener in listeners for c in (_shut(listener) if last else ())]
            server.close()
            for listener in listeners:
                listener.close()
            for connection in waiting:
                await self._adopt(connection)

    async def settle(self, seconds: float) -> None:
        """Wait until what was just accepted has sent its request, for a time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self._fresh():  # noqa: ASYNC110 - uvicorn tells nobody
            await asyncio.sleep(_SETTLE_SECONDS)

    def exit(self) -> None:
        """Have uvicorn finish what is under way and stop."""
        self._server.handle_exit(signal.SIGTERM, None)

    async def expire(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Close connections that neither send a whole request nor read: one step of a loop.

        Whoever waits to write to such a connection is let go with it.
        """
        now = clock()
        stalling = filter(_stalls, self._server.server_state.connections)
        self._since = {found: self._begin(found, now) for found in stalling}
        for connection, (_, begun) in self._since.items():
            if now - begun >= self._bounds.head_seconds:
                connection.transport.abort()
        await asyncio.sleep(_LOOK_SECONDS)

    def _begin(self, connection: Any, now: float) -> tuple[Any, float]:
        cycle, begun = self._since.get(connection, (None, now))
        return connection.cycle, begun if cycle is connection.cycle else now

    def _fresh(self) -> bool:
        """Whether a connection has not had a request yet."""
        connections: Iterable[Any] = self._server.server_state.connections
        return any(connection.cycle is None for connection in connections)

    async def _adopt(self, connection: socket.socket) -> None:
        server, loop = self._server, asyncio.get_running_loop()
        make = partial(
            self._protocol,
            config=server.config,
            server_state=server.server_state,
            app_state=server.lifespan.state,
        )
        await loop.connect_accepted_socket(make, connection, ssl=server.config.ssl)


def uvicorn_server() -> Server | None:
    """The server that runs in this process: a method of it handles signals meanwhile."""
    owner = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return owner if isinstance(owner, uvicorn.Server) else None


def _stalls(connection: Any) -> bool:
    """Whether answers are not read, or bytes came (or a connection) and no request is under way.

    A connection that waits idly for its next request has uvicorn's keep-alive timer instead.
    """
    transport = connection.transport
    if connection.flow.write_paused or (
        transport.is_closing() and transport.get_write_buffer_size()
    ):
        return True
    between = connection.cycle is None or connection.cycle.response_complete
    return between and connection.timeout_keep_alive_task is None


def _duplicate(listener: Any) -> int:
    with socket.fromfd(listener.fileno(), listener.family, listener.type) as copy:
        return copy.detach()


def _shut(listener: socket.socket) -> Sequence[socket.socket]:
    """Accept what waits and refuse what follows, with next to nothing in between."""
    accepted = []
    listener.settimeout(0)
    try:
        while True:
            accepted.append(listener.accept()[0])
    except OSError:
        listener.shutdown(socket.SHUT_RDWR)
    for connection in accepted:
        connection.settimeout(0)
    return accepted


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
    bytes(refusal_response(OverloadedError(), instance=None, request_id=None).body),
    b"retry-after: 1",
)
_HEAD_TOO_LARGE: Final = _raw(b"431 Request Header Fields Too Large", b"{}")
