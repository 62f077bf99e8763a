"""gRPC's reflection service, by which tools learn what may be asked: for holders of a key."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final

from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection import aio

from services.serving.api.grpc.calls import Call, Calls, Context, Handler, parsed

SERVICE: Final[str] = reflection_pb2.DESCRIPTOR.services_by_name["ServerReflection"].full_name


class Reflection:
    """The descriptions of services, for whoever `admit` lets in."""

    def __init__(self, services: frozenset[str], admit: Callable[[str | None], object]) -> None:
        self._library = aio.ReflectionServicer((*sorted(services),))
        self._admit = admit
        """Raises UnauthenticatedError."""

    def handlers(self, calls: Calls) -> Mapping[str, Handler]:
        """By method."""
        return {"ServerReflectionInfo": calls.streaming("ServerReflectionInfo", self._inform)}

    async def _inform(self, call: Call, context: Context) -> None:
        self._admit(call.key)
        # The library's types say that it is awaited first; it is not.
        answers: Any = self._library.ServerReflectionInfo(_asked(context), context)
        async for answer in answers:
            await context.write(answer.SerializeToString())


async def _asked(context: Context) -> AsyncIterator[reflection_pb2.ServerReflectionRequest]:
    while isinstance(message := await context.read(), bytes):
        yield parsed(reflection_pb2.ServerReflectionRequest, message)
