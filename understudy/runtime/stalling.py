"""Connections that neither send a whole request nor read what they are answered."""

import contextlib
import fcntl
import struct
import termios
from typing import Any, Final

from uvicorn.server import ServerState

LOOK_SECONDS: Final = 0.5
"""Between two looks at all connections."""


class Stalling:
    """Closes the connections of one uvicorn server that stall for longer than `seconds`.

    With `long_answers`, whoever reads some of an answer meanwhile does not stall.
    """

    def __init__(self, state: ServerState, seconds: float, *, long_answers: bool = False) -> None:
        self._state = state
        self._seconds = seconds
        self._long_answers = long_answers
        self._since: dict[Any, tuple[Any, float]] = {}
        """Of each connection that stalls: how far it had come, and when that was first seen."""

    def look(self, now: float) -> None:
        """Close those whose time is over; whoever waits to write to one is let go with it."""
        stalling = filter(_stalls, self._state.connections)
        self._since = {found: self._begin(found, now) for found in stalling}
        for connection, (_, begun) in self._since.items():
            if now - begun >= self._seconds:
                connection.transport.abort()

    def _begin(self, connection: Any, now: float) -> tuple[Any, float]:
        unread = _unread(connection.transport) if self._long_answers else 0
        come, (before, begun) = (connection.cycle, unread), self._since.get(connection, (None, now))
        return come, begun if come == before else now


def _unread(transport: Any) -> int:
    """Bytes that the other side has not taken: ours, and what the kernel holds of them."""
    held = 0
    with contextlib.suppress(OSError):  # where the kernel tells nothing of it
        told = fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, bytes(4))
        held = struct.unpack("i", told)[0]
    return int(transport.get_write_buffer_size()) + held


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
