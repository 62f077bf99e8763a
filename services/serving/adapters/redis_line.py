"""One connection to Redis that many commands share: each goes out at once, replies come in order.

redis-py connects (address, TLS, password, database); from then on the connection's bytes are read
here, because its client costs several times more for each command: `benchmarks/log.py`.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Final

import hiredis
from redis.asyncio.connection import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from understudy.runtime.loops import Backoff

Word = bytes | str | int
_NOTHING: Final = object()


class ReplyError(Exception):
    """Redis refused a command; the message begins with the kind of its error."""


class RedisLine:
    """Connects when it is needed. A line that broke is made anew, after a pause that grows.

    A command that can't be sent, or has no reply within `timeout_seconds`, ends in an OSError, and
    whether Redis carried it out is not known.
    """

    def __init__(self, url: str, timeout_seconds: float, backoff: Backoff | None = None) -> None:
        self._pool = ConnectionPool.from_url(
            url,
            socket_timeout=timeout_seconds,
            socket_connect_timeout=timeout_seconds,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )
        self._timeout_seconds = timeout_seconds
        self._backoff = backoff or Backoff(0.05, 1.0)
        self._wire: _Wire | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._waiting: list[tuple[tuple[Word, ...], asyncio.Future[Any]]] = []
        self._failures = 0
        self._again_at = 0.0

    def call(self, *words: Word) -> asyncio.Future[Any]:
        """Send one command; its reply, a ReplyError or an OSError."""
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[Any] = loop.create_future()
        if self._wire is not None and self._wire.open:
            self._wire.send(words, reply)
        elif self._connecting is None and loop.time() < self._again_at:
            reply.set_exception(ConnectionError("Redis was away a moment ago"))
        else:
            self._waiting.append((words, reply))
            if self._connecting is None:
                self._connecting = loop.create_task(self._connect())
        return reply

    async def aclose(self) -> None:
        """Hang up; commands without a reply fail."""
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.wait([self._connecting])
        if self._wire is not None:
            self._wire.close()

    async def _connect(self) -> None:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                self._wire = await self._new_wire()
        except Exception as error:  # noqa: BLE001 - every way to fail is a command's way to fail
            self._failures += 1
            delay = self._backoff.delay(self._failures)
            self._again_at = asyncio.get_running_loop().time() + delay
            self._refuse(ConnectionError(f"no connection to Redis: {error}"))
        except asyncio.CancelledError:
            self._refuse(ConnectionError("closed"))
            raise
        else:
            self._failures = 0
            waiting, self._waiting = self._waiting, []
            for words, reply in waiting:
                if not reply.done():
                    self._wire.send(words, reply)
        finally:
            self._connecting = None

    def _refuse(self, error: OSError) -> None:
        waiting, self._waiting = self._waiting, []
        for _, reply in waiting:
            if not reply.done():
                reply.set_exception(error)

    async def _new_wire(self) -> "_Wire":
        connection = self._pool.make_connection()  # type: ignore[no-untyped-call]
        await connection.connect()
        transport = connection._writer.transport  # noqa: SLF001 - redis-py has no public way to it
        return _Wire(transport, self._timeout_seconds, lambda: connection.disconnect(nowait=True))


class _Wire(asyncio.Protocol):
    """A connection while it lasts."""

    def __init__(
        self, transport: asyncio.Transport, seconds: float, forget: Callable[[], Any]
    ) -> None:
        self._transport = transport
        self._seconds = seconds
        self._forget = forget
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(replyError=ReplyError, notEnoughData=_NOTHING)
        self._pending: deque[tuple[float, asyncio.Future[Any]]] = deque()
        self._watch: asyncio.TimerHandle | None = None
        self._forgetting: asyncio.Task[None] | None = None
        self._error: Exception | None = None
        self.open = True
        transport.set_protocol(self)

    def send(self, words: tuple[Word, ...], reply: asyncio.Future[Any]) -> None:
        """Send one command."""
        deadline = self._loop.time() + self._seconds
        self._pending.append((deadline, reply))
        if self._watch is None:
            self._watch = self._loop.call_at(deadline, self._check)
        self._transport.write(hiredis.pack_command(words))  # type: ignore[arg-type]

    def close(self) -> None:
        """Hang up at once."""
        self._break(ConnectionError("closed"))

    def data_received(self, data: bytes) -> None:
        """Hand out what replies are whole."""
        try:
            self._reader.feed(data)
            while (found := self._reader.gets()) is not _NOTHING:
                _, reply = self._pending.popleft()
                if reply.done():
                    continue
                if isinstance(found, ReplyError):
                    reply.set_exception(found)
                else:
                    reply.set_result(found)
        except (hiredis.HiredisError, IndexError) as error:
            self._break(ConnectionError(f"no replies of Redis: {error!r}"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail what has no reply."""
        self._break(ConnectionError(f"the connection to Redis was lost: {exc!r}"))

    def _check(self) -> None:
        # Deadlines are in the order of the commands: the oldest is the first to pass.
        self._watch = None
        if self._pending:
            deadline = self._pending[0][0]
            if self._loop.time() >= deadline:
                self._break(TimeoutError("Redis did not answer in time"))
            else:
                self._watch = self._loop.call_at(deadline, self._check)

    def _break(self, error: OSError) -> None:
        if not self.open:
            return
        self.open = False
        if self._watch is not None:
            self._watch.cancel()
        self._transport.abort()
        self._forgetting = self._loop.create_task(self._forget())
        pending, self._pending = self._pending, deque()
        for _, reply in pending:
            if not reply.done():
                reply.set_exception(error)
