"""What every call goes through: admission, bounds of time, and how it is turned down."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, TypeAlias, TypeVar

import grpc
import structlog
from google.protobuf.message import DecodeError, Message
from grpc.aio import ServicerContext

from services.serving.api.admission import Admission
from services.serving.api.grpc.statuses import FAILURE, Told, told
from services.serving.domain.errors import MalformedBodyError
from services.serving.domain.ids import well_formed
from services.serving.operations.limiting import Allowance
from understudy.contracts.refusals import Refusal
from understudy.runtime.keys import key_among
from understudy.runtime.tracing import TRACEPARENT, trace_told

Context = ServicerContext[bytes, bytes]
"""Messages are read and written here, so that one that can't be decoded is the caller's fault."""
Handler: TypeAlias = "grpc.RpcMethodHandler[bytes, bytes]"
_NAME: Final = "x-request-id"
_T = TypeVar("_T")
_M = TypeVar("_M", bound=Message)


class Call:
    """One call under way; an `Exchange` to admission."""

    def __init__(self, method: str, metadata: Iterable[tuple[str, str | bytes]]) -> None:
        texts = [(name, value) for name, value in metadata if isinstance(value, str)]
        headers = dict(texts)
        self.method = method
        self._texts = texts
        named = headers.get(_NAME, "")
        self.name = named if well_formed(named) else None
        """What the caller calls it."""
        self.request_id = self.name or uuid.uuid4().hex
        self.trace_id = trace_told([value for name, value in texts if name == TRACEPARENT])
        """The caller's trace that it is part of."""
        self.deployment: str | None = None
        """Whom it asks, as soon as that is known."""
        self.told: list[tuple[str, str]] = [(_NAME, self.request_id)]
        """Goes with the answer as trailing metadata."""
        self.allowance: Allowance | None = None
        """What the key may still ask, when it has limits."""
        self.more_body = True
        self.since = time.monotonic()
        self.late: Refusal | None = None
        self.time = asyncio.timeout(None)

    @property
    def key(self) -> str | None:
        """The API key. Raises UnauthenticatedError when two entries hold different ones."""
        return key_among(self._texts)

    @property
    def bound(self) -> dict[str, str]:
        """What lines of the log say of it."""
        trace = {} if self.trace_id is None else {"trace_id": self.trace_id}
        return {"request_id": self.request_id, **trace}

    @property
    def trailing(self) -> tuple[tuple[str, str], ...]:
        """The metadata that goes with whatever ends the call."""
        if self.allowance is None:
            return (*self.told,)
        limits = ("ratelimit-policy", self.allowance.policy), ("ratelimit", self.allowance.state)
        return (*self.told, *limits)

    def note(self, allowance: Allowance) -> None:
        """The answer says what the key may still ask."""
        self.allowance = allowance

    def end(self, refusal: Refusal) -> None:
        """Its time is over."""
        if self.late is None:
            self.late = refusal
            self.time.reschedule(asyncio.get_running_loop().time())


Answer = Callable[[Call, bytes], Awaitable[Message]]
"""From one message to one other. Raises Refusal subclasses."""
Exchange = Callable[[Call, Context], Awaitable[None]]
"""Reads and writes messages itself. Raises Refusal subclasses."""


class Calls:
    """Makes handlers of methods."""

    def __init__(
        self, admission: Admission, note: Callable[[str | None, Refusal | None], None]
    ) -> None:
        self._admission = admission
        self._note = note
        self._held: asyncio.Event | None = None
        self._log = structlog.stdlib.get_logger("grpc")

    def hold(self) -> asyncio.Event:
        """Keep answers back until the event is set."""
        if self._held is None:
            self._held = asyncio.Event()
        return self._held

    def unary(self, method: str, answer: Answer) -> Handler:
        """One message, and one back. On the wire this is no stream.

        To the library it is one, so that a call is bounded before its message is there.
        """

        async def handle(_requests: Any, context: Context) -> bytes:
            async def work(call: Call) -> bytes:
                message = await context.read()
                call.more_body = False
                if not isinstance(message, bytes):  # EOF
                    raise MalformedBodyError("The call holds no message.")
                return (await answer(call, message)).SerializeToString()

            return await self._guarded(method, context, work)

        return grpc.stream_unary_rpc_method_handler(handle)

    def open(self, answer: Callable[[], Message]) -> Handler:
        """For everybody, however much is under way; what is sent is not even read."""

        async def handle(_requests: Any, _context: Context) -> bytes:
            return answer().SerializeToString()

        return grpc.stream_unary_rpc_method_handler(handle)

    def streaming(self, method: str, exchange: Exchange) -> Handler:
        """Messages both ways."""

        async def handle(_requests: Any, context: Context) -> None:
            async def work(call: Call) -> None:
                call.more_body = False  # how long it may take is bounded as a whole
                await exchange(call, context)

            await self._guarded(method, context, work)

        return grpc.stream_stream_rpc_method_handler(handle)

    async def _guarded(
        self, method: str, context: Context, work: Callable[[Call], Awaitable[_T]]
    ) -> _T:
        call = Call(method, context.invocation_metadata() or ())
        with structlog.contextvars.bound_contextvars(**call.bound):
            try:
                found = await self._bounded(call, work)
                if self._held is not None:
                    await self._held.wait()
                context.set_trailing_metadata(call.trailing)
                return found  # noqa: TRY300 - what follows is for those that are turned down
            except Refusal as refusal:
                ending = self._refused(call, refusal)
            except Exception as error:  # noqa: BLE001 - the library would tell the caller of it
                ending = self._failed(call, error)
        return await context.abort(ending.status, ending.detail, (*call.trailing, *ending.metadata))

    async def _bounded(self, call: Call, work: Callable[[Call], Awaitable[_T]]) -> _T:
        try:
            async with call.time:
                if (refusal := self._admission.enter(call)) is not None:
                    raise refusal
                return await work(call)
        except TimeoutError:
            if call.late is None:
                raise
            raise call.late from None
        finally:
            self._admission.leave(call)

    def _refused(self, call: Call, refusal: Refusal) -> Told:
        self._note(call.deployment, refusal)
        return told(refusal)

    def _failed(self, call: Call, error: Exception) -> Told:
        self._log.error("request_failed", path=call.method, exc_info=error)
        self._note(call.deployment, None)
        return FAILURE


def parsed(kind: type[_M], message: bytes) -> _M:
    """Raises MalformedBodyError for what is no message of that kind."""
    try:
        return kind.FromString(message)
    except DecodeError as error:
        name = kind.DESCRIPTOR.name
        raise MalformedBodyError(f"The message is no {name} as protobuf encodes one.") from error
