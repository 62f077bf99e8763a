"""Serving's gRPC server over models that answer by a rule, on a port of this machine."""

import asyncio
from contextlib import suppress
from typing import Any, Final, TypeVar

import grpc
from google.protobuf.message import Message

from services.serving.api.admission import Admission, Bounds
from services.serving.api.grpc.inference import SERVICE
from services.serving.app.grpc import grpc_server
from services.serving.settings import ServingSettings
from tests.conftest import free_port
from tests.fakes.dialects import MOST_BYTES, DialectService
from understudy.contracts.vocabulary import AccessLevel
from understudy.runtime.keys import NewKey

REQUESTS: Final = 3
_Answer = TypeVar("_Answer", bound=Message)
Told = dict[str, str]


class GrpcService:
    """One deployment of each access level, named like it; see `DialectService`."""

    def __init__(self, *, body_seconds: float = 5.0, request_seconds: float = 5.0) -> None:
        self.dialects = DialectService()
        self.ready = True
        serving = self.dialects.serving
        bounds = Bounds(REQUESTS, request_seconds, body_seconds)
        self.admission = Admission(self.dialects, bounds, serving.note_refusal)
        settings = ServingSettings(
            service_key="us_none",
            serving_grpc_port=free_port(),
            serving_body_limit_bytes=10 * MOST_BYTES,
            serving_body_seconds=body_seconds,
        )
        self.server = grpc_server(
            settings, serving, self.dialects.models, self.admission, lambda: self.ready
        )
        self._channel = grpc.aio.insecure_channel(f"127.0.0.1:{settings.serving_grpc_port}")
        self._expiring: asyncio.Task[None] | None = None

    async def begin(self, *levels: AccessLevel) -> None:
        """Serve a deployment of each level."""
        await self.dialects.begin(*levels)
        await self.server.start()
        self._expiring = asyncio.create_task(self._expire())

    async def end(self) -> None:
        await self._channel.close()
        if self._expiring is not None:
            self._expiring.cancel()
            with suppress(asyncio.CancelledError):
                await self._expiring
        await self.server.begin_to_stop(0.0)

    async def ask(
        self,
        method: str,
        question: Message | bytes,
        kind: type[_Answer],
        *,
        key: NewKey | None = None,
        service: str = SERVICE,
        **metadata: str,
    ) -> tuple[_Answer, Told]:
        """The answer, and what came beside it. Raises grpc.aio.AioRpcError."""
        sent = question if isinstance(question, bytes) else question.SerializeToString()
        asked: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
        asked = self._channel.unary_unary(f"/{service}/{method}")
        call = asked(sent, metadata=_metadata(key, metadata), timeout=10.0)
        answer = kind.FromString(await call)
        return answer, told(await call.trailing_metadata())

    def streaming(
        self, method: str, *, key: NewKey | None = None, service: str = SERVICE, **metadata: str
    ) -> grpc.aio.StreamStreamCall[bytes, bytes]:
        """A call whose messages the test writes and reads."""
        return self._channel.stream_stream(f"/{service}/{method}")(
            metadata=_metadata(key, metadata), timeout=10.0
        )

    async def _expire(self) -> None:
        while True:
            await self.admission.expire()


def _metadata(key: NewKey | None, metadata: Told) -> tuple[tuple[str, str], ...]:
    found = {name.replace("_", "-"): value for name, value in metadata.items()}
    if key is not None:
        found["authorization"] = f"Bearer {key.plaintext}"
    return (*found.items(),)


def told(metadata: Any) -> Told:
    """Metadata by name."""
    return {name: value for name, value in metadata or () if isinstance(value, str)}
