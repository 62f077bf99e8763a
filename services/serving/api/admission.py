"""How many requests a worker has under way at a time, and how long each may take.

Looking at the clock is one step for all requests: a request itself costs an entry in a table.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Final, Protocol

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.serving.domain.errors import DeadlineError, OverloadedError, SlowBodyError
from understudy.contracts.refusals import Fault, Refusal
from understudy.runtime.http import RequestIds, refusal_response

PROBES: Final = frozenset(
    {
        "/",
        "/livez",
        "/readyz",
        "/healthz",
        "/ping",
        "/health",
        "/metrics",
        "/v2/health/live",
        "/v2/health/ready",
    }
)
"""Answered however much is under way: whoever watches must see it."""
_DEPLOYMENTS: Final = (
    "/v1/deployments/",
    "/v2/models/",
    "/v1/models/",
    "/deployments/",
    "/endpoints/",
)
_LOOK_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one worker admits."""

    requests: int
    """Under way at a time."""
    request_seconds: float
    body_seconds: float
    """How long a client may take to send a body."""


class Flight:
    """One request under way."""

    __slots__ = ("_receive", "late", "reading", "since")

    def __init__(self, receive: Receive, since: float) -> None:
        self._receive = receive
        self.since = since
        self.reading = True
        """Whether its body is still on its way."""
        self.late: Refusal | None = None

    async def receive(self) -> Message:
        """The next part of the body."""
        message = await self._receive()
        if not message.get("more_body", False):
            self.reading = False
        return message


class Exchange(Protocol):
    """A request that is answered without a task: `api.direct.Exchange`."""

    since: float
    more_body: bool

    def end(self, refusal: Refusal) -> None:
        """Answer with a refusal, now."""


class Admission:
    """ASGI middleware: refuses what is too much at once, ends what takes too long.

    Requests that come another way `enter` and `leave` by themselves. `note` is told of each that
    is turned down here, with the deployment that its path names.
    """

    def __init__(
        self,
        app: ASGIApp,
        bounds: Bounds,
        note: Callable[[str | None, Refusal], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._bounds = bounds
        self.note = note
        self._clock = clock
        self._flights: dict[asyncio.Task[object] | None, Flight] = {}
        """By task, oldest first."""
        self._exchanges: dict[Exchange, None] = {}
        """Oldest first."""
        self._full = RequestIds(_answer(OverloadedError()))

    @property
    def under_way(self) -> int:
        """Requests that have no answer yet."""
        return len(self._flights) + len(self._exchanges)

    def enter(self, exchange: Exchange) -> Refusal | None:
        """Note a request; says why not when there are too many."""
        if self.under_way >= self._bounds.requests:
            return OverloadedError()
        self._exchanges[exchange] = None
        return None

    def leave(self, exchange: Exchange) -> None:
        """Its answer was given, or its client is gone."""
        self._exchanges.pop(exchange, None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if self.under_way >= self._bounds.requests and scope["path"] not in PROBES:
            self.note(deployment_at(scope["path"]), OverloadedError())
            await self._full(scope, receive, send)
            return
        task, flight = asyncio.current_task(), Flight(receive, self._clock())
        self._flights[task] = flight
        try:
            await self._app(scope, flight.receive, send)
        except asyncio.CancelledError:
            if flight.late is None or task is None:
                raise
            task.uncancel()
            await self._turn_away(flight.late, scope, receive, send)
        finally:
            del self._flights[task]

    async def expire(self) -> None:
        """End every request whose time is over: one step of a loop."""
        now, bounds = self._clock(), self._bounds
        shortest = min(bounds.request_seconds, bounds.body_seconds)
        for exchange in self._overdue(now - shortest):
            allowed = bounds.body_seconds if exchange.more_body else bounds.request_seconds
            if now - exchange.since >= allowed:
                exchange.end(_late(bounds, reading=exchange.more_body))
        for task, flight in self._flights.items():
            age = now - flight.since
            if age < shortest:
                break  # those that follow are younger
            allowed = bounds.body_seconds if flight.reading else bounds.request_seconds
            if age >= allowed and flight.late is None and task is not None:
                flight.late = _late(bounds, reading=flight.reading)
                task.cancel()
        await asyncio.sleep(_LOOK_SECONDS)

    def _overdue(self, latest: float) -> Sequence[Exchange]:
        return [*takewhile(lambda exchange: exchange.since <= latest, self._exchanges)]

    async def _turn_away(self, late: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
        self.note(deployment_at(scope["path"]), late)
        # Where the answer had begun, its reader is the slow one: the server closes on it.
        with contextlib.suppress(RuntimeError):
            await RequestIds(_answer(late))(scope, receive, send)


def deployment_at(path: str) -> str | None:
    """The name that a path below deployments or models holds, whether or not it exists."""
    for prefix in _DEPLOYMENTS:
        if path.startswith(prefix):
            return path.removeprefix(prefix).partition("/")[0].partition(":")[0]
    return None


def _late(bounds: Bounds, *, reading: bool) -> Refusal:
    return SlowBodyError(bounds.body_seconds) if reading else DeadlineError(bounds.request_seconds)


def _answer(refusal: Refusal) -> Response:
    response = refusal_response(refusal, instance=None, request_id=None)
    if refusal.fault is Fault.SLOW:
        response.headers["Connection"] = "close"  # the rest of the body would be the next request
    return response
