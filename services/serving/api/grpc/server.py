"""The gRPC server of one worker: workers share its port, as the kernel hands out connections."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import grpc
from grpc import aio

from services.serving.api.grpc.calls import Calls, Handler
from services.serving.api.grpc.health import Health

_PING_MILLISECONDS: Final = 60_000
_PONG_MILLISECONDS: Final = 20_000
_LEAST_PING_MILLISECONDS: Final = 10_000
_IDLE_MILLISECONDS: Final = 600_000
_HELD_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class ServerBounds:
    """What one server takes."""

    message_bytes: int
    connections: int
    calls: int
    """Of one connection at a time; of all, admission knows."""
    handshake_seconds: float

    @property
    def options(self) -> list[tuple[str, int]]:
        """As gRPC names them."""
        return [
            ("grpc.so_reuseport", 1),
            ("grpc.max_receive_message_length", self.message_bytes),
            ("grpc.max_allowed_incoming_connections", self.connections),
            ("grpc.max_concurrent_streams", self.calls),
            ("grpc.server_handshake_timeout_ms", round(1_000 * self.handshake_seconds)),
            ("grpc.max_connection_idle_ms", _IDLE_MILLISECONDS),
            # Whoever is gone without a word is noticed; whoever pings too often is sent away.
            ("grpc.keepalive_time_ms", _PING_MILLISECONDS),
            ("grpc.keepalive_timeout_ms", _PONG_MILLISECONDS),
            ("grpc.http2.min_ping_interval_without_data_ms", _LEAST_PING_MILLISECONDS),
        ]


class GrpcServer:
    """Made, started and stopped in the worker's event loop."""

    def __init__(
        self,
        address: str,
        bounds: ServerBounds,
        services: Mapping[str, Mapping[str, Handler]],
        health: Health,
        calls: Calls,
    ) -> None:
        self._address = address
        self._health = health
        self._calls = calls
        self._server = aio.server(options=bounds.options)
        self._server.add_generic_rpc_handlers(
            [
                grpc.method_handlers_generic_handler(name, {**handlers})
                for name, handlers in services.items()
            ]
        )
        self._stopped: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Accept connections. Raises RuntimeError where somebody else has the port."""
        self._server.add_insecure_port(self._address)
        await self._server.start()

    def begin_to_stop(self, grace: float) -> asyncio.Task[None]:
        """Take no further calls, and finish those under way within the seconds of grace.

        Asked again, it is the same stop.
        """
        if self._stopped is None:
            self._stopped = asyncio.create_task(self._stop(grace))
        return self._stopped

    async def _stop(self, grace: float) -> None:
        """Stop between two calls of every client that waits for its answers.

        A stopped server drops calls that are on their way. Whoever waits for an answer sends none:
        so answers are kept back until their clients are told that the connection ends.
        """
        self._health.leave()
        released = self._calls.hold()
        await asyncio.sleep(min(grace, _HELD_SECONDS))
        stopping = asyncio.create_task(self._server.stop(grace))
        await asyncio.sleep(0)
        released.set()
        await stopping
