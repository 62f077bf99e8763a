"""gRPC's own health service: open to everybody, and answered however much is under way."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2

from services.serving.api.grpc.calls import Context, Handler

SERVICE: Final[str] = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
_LOOK_SECONDS: Final = 0.25
_MOST_WATCHERS: Final = 64
_MOST_OF_ONE_PEER: Final = 16
_WATCH_SECONDS: Final = 300.0
"""Whoever still wants to know asks again, as its clients do by themselves."""


class Health:
    """Follows readiness, for the whole server and for each of its services."""

    def __init__(
        self,
        ready: Callable[[], bool],
        services: frozenset[str],
        seconds: float,
        watch_seconds: float = _WATCH_SECONDS,
    ) -> None:
        self._ready = ready
        self._services = services | {""}
        self._seconds = seconds
        """How long a question may take to come."""
        self._watch_seconds = watch_seconds
        self._watchers = Counter[str]()
        """By the address of their peer."""
        self._leaving = asyncio.Event()

    def leave(self) -> None:
        """Tell everybody who watches to go elsewhere, and let them go."""
        self._leaving.set()

    def handlers(self) -> Mapping[str, Handler]:
        """By method."""
        return {
            "Check": grpc.stream_unary_rpc_method_handler(self._check),
            "Watch": grpc.stream_stream_rpc_method_handler(self._watch),
        }

    async def _check(self, _requests: Any, context: Context) -> bytes:
        status = self._status(await self._asked(context))
        if status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN:
            await context.abort(grpc.StatusCode.NOT_FOUND, "There is no such service here.")
        return _said(status)

    async def _watch(self, _requests: Any, context: Context) -> None:
        peer = context.peer().rpartition(":")[0]
        if self._watchers.total() >= _MOST_WATCHERS or self._watchers[peer] >= _MOST_OF_ONE_PEER:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "Too many watch already.")
        self._watchers[peer] += 1
        try:
            service = await self._asked(context)
            last, end = None, time.monotonic() + self._watch_seconds
            while not self._leaving.is_set():
                if time.monotonic() >= end:
                    return
                if (status := self._status(service)) != last:
                    await context.write(_said(status))
                last = status
                await self._pause()
            if last != health_pb2.HealthCheckResponse.NOT_SERVING:
                await context.write(_said(health_pb2.HealthCheckResponse.NOT_SERVING))
        finally:
            self._watchers[peer] -= 1
            self._watchers += Counter()  # lets go of those that are none any more

    async def _asked(self, context: Context) -> str:
        """The name of the service that is asked about."""
        try:
            message = await asyncio.wait_for(context.read(), self._seconds)
            return health_pb2.HealthCheckRequest.FromString(message).service
        except TimeoutError:
            await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "No question came.")
        except (DecodeError, TypeError):  # no message at all is of another type
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "No HealthCheckRequest came.")

    def _status(self, service: str) -> int:
        if service not in self._services:
            return health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
        if self._ready() and not self._leaving.is_set():
            return health_pb2.HealthCheckResponse.SERVING
        return health_pb2.HealthCheckResponse.NOT_SERVING

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self._leaving.wait(), _LOOK_SECONDS)
        except TimeoutError:
            return


def _said(status: int) -> bytes:
    return health_pb2.HealthCheckResponse(status=status).SerializeToString()
