"""How a worker leaves: SIGTERM makes it unready, not deaf.

It goes on answering for a while, each answer the last of its connection, so that clients that keep
connections leave by themselves; then it stops accepting, and uvicorn finishes what is under way.
At most this takes the seconds of draining, half a second for requests of connections that came
last, the longest that a request may take, and the seconds in which the log is made safe. BentoML's
supervisor waits for its workers without a bound.
"""

import asyncio
import fcntl
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

from services.serving.api.connections import Connections

_FIRST_REQUEST_SECONDS: Final = 0.5


class Draining:
    """The end of one worker."""

    def __init__(
        self,
        connections: Connections,
        seconds: float,
        accepting: "Accepting",
        beside: Callable[[], object] | None = None,
    ) -> None:
        self._connections = connections
        self._seconds = seconds
        self._accepting = accepting
        self._beside = beside
        """Begins the end of another server of this worker."""
        self._task: asyncio.Task[None] | None = None
        self._log = structlog.stdlib.get_logger("draining")

    @property
    def begun(self) -> bool:
        """Whether this worker is leaving."""
        return self._task is not None

    def listen(self) -> None:
        """Take SIGTERM instead of uvicorn, which hears of it when the connections are drained."""
        self._accepting.join()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.begin)

    def begin(self) -> None:
        """Begin to leave. Asked again (systemd tells each process, and so does BentoML), go on."""
        if self._task is None:
            self._connections.say_close()
            self._task = asyncio.create_task(self._leave())

    async def _leave(self) -> None:
        self._log.info("worker_drains", seconds=self._seconds)
        try:
            await asyncio.sleep(self._seconds)
            if self._beside is not None:
                self._beside()
            await self._connections.stop_accepting(last=self._accepting.leave())
            await self._connections.settle(_FIRST_REQUEST_SECONDS)
        finally:
            self._connections.exit()


class Accepting:
    """Which workers of one supervisor accept connections: each holds a lock on one file."""

    def __init__(self, folder: Path) -> None:
        # The socket belongs to the supervisor, and so do those who accept from it.
        self._path = folder / f"accepting.{os.getppid()}"
        self._file: int | None = None

    def join(self) -> None:
        """This worker accepts."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_SH)

    def leave(self) -> bool:
        """This worker accepts no more; True when no other one does either."""
        if self._file is None:
            return False
        try:
            # Gives the shared lock up in any case, so of several that leave one is the last.
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        self._path.unlink(missing_ok=True)
        return True
