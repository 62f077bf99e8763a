"""uvicorn's connections: how long a request's head may take, how connections end.

BentoML starts uvicorn with options of its own, so its server is found and told what is missing.
"""

import asyncio
import signal
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Final

import uvicorn
from uvicorn.server import Server

from understudy.runtime.bounded import BoundedProtocol, ConnectionBounds
from understudy.runtime.stalling import LOOK_SECONDS, Stalling

_SETTLE_SECONDS: Final = 0.01
_CLOSE: Final = (b"connection", b"close")


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
        self._stalling = Stalling(server.server_state, bounds.head_seconds)

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
        """Close connections that neither send a whole request nor read: one step of a loop."""
        self._stalling.look(clock())
        await asyncio.sleep(LOOK_SECONDS)

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
