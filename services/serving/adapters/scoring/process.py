"""One life of a challenger's child process, as its parent sees it: asked, in time, or lost."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from pathlib import Path
from typing import Final, Self

from services.serving.adapters.scoring.frames import (
    LENGTH_BYTES,
    REPLIES,
    Ask,
    Exhausted,
    Reply,
    frame,
    length_of,
)
from services.serving.ports import Loss, Usage
from understudy.contracts.vocabulary import Outcome
from understudy.runtime.children import child_environment

CHILD: Final = "services.serving.adapters.scoring.child"
_BUFFER_BYTES: Final = 1 << 20
_ENDING_SECONDS: Final = 5.0
_TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


class LostError(Exception):
    """The child did not answer and is gone."""

    def __init__(self, loss: Loss, message: str) -> None:
        super().__init__(message)
        self.loss = loss
        self.outcome = Outcome.TIMEOUT if loss is Loss.TIMEOUT else Outcome.ERROR


class ScoringProcess:
    """A child that runs `module`; asked one thing at a time."""

    def __init__(
        self, process: Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer

    @classmethod
    async def start(cls, module: str = CHILD) -> Self:
        """Run it, by exec: a fork would take our memory and our connections along."""
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", module, str(theirs.fileno()), str(os.getpid())),
                # What a model prints may be what callers sent: it goes nowhere.
                stdin=DEVNULL,
                stdout=DEVNULL,
                stderr=DEVNULL,
                pass_fds=[theirs.fileno()],
                env=child_environment(),
                start_new_session=True,
            )
        try:
            return cls(process, *await asyncio.open_unix_connection(sock=ours))
        except BaseException:
            process.kill()
            raise

    @property
    def pid(self) -> int:
        """Of the child."""
        return self._process.pid

    async def ask(self, message: Ask, seconds: float) -> Reply:
        """Its answer. Raises LostError when there is none in time, and then there is no child."""
        try:
            async with asyncio.timeout(seconds):
                self._writer.write(frame(message))
                await self._writer.drain()
                head = await self._reader.readexactly(LENGTH_BYTES)
                reply: Reply = REPLIES.decode(await self._reader.readexactly(length_of(head)))
        except TimeoutError:
            await self.end()
            words = f"it gave no answer within {seconds:g} s"
            raise LostError(Loss.TIMEOUT, words) from None
        except (OSError, EOFError, ValueError):
            # Its socket closes before it has ended: how it ends is worth knowing.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_ENDING_SECONDS):
                    await self._process.wait()
            await self.end()
            raise LostError(Loss.DIED, f"its process died{self._cause()}") from None
        except asyncio.CancelledError:
            # An answer to a question that nobody asked any more would be taken for the next's.
            await self.end()
            raise
        if isinstance(reply, Exhausted):
            await self.end()
            raise LostError(Loss.MEMORY, "its process ran out of memory")
        return reply

    async def end(self) -> None:
        """Kill it and what it started; returns when it is gone."""
        self._writer.close()
        if self._process.returncode is None:
            # It leads a session of its own.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()

    def usage(self) -> Usage | None:
        """What it takes now; None where the kernel does not say, or when it is gone."""
        folder = Path("/proc") / str(self._process.pid)
        try:
            pages = int((folder / "statm").read_text().split()[1])
            # After the name, which may hold anything.
            stat = (folder / "stat").read_text().rpartition(")")[2].split()
        except (OSError, IndexError):
            return None
        ticks = int(stat[11]) + int(stat[12])
        return Usage(pages * _PAGE_BYTES, ticks / _TICKS_PER_SECOND)

    def _cause(self) -> str:
        status = self._process.returncode
        if status is None or status >= 0:
            return "" if status is None else f" with status {status}"
        with contextlib.suppress(ValueError):
            return f" of {signal.Signals(-status).name}"
        return f" of signal {-status}"
