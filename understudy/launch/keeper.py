"""Keeps one process up: starts it, starts it again when it dies, stops it when asked."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from asyncio.subprocess import Process
from typing import Final

from understudy.launch.events import Died, Killed, Started, Stopped, Tell
from understudy.launch.plan import ProcessSpec
from understudy.launch.strays import MARK, clear_strays
from understudy.runtime.loops import Backoff

_SETTLED_SECONDS: Final = 30.0
"""A process that ran this long counts as healthy, so its next death is its first."""


class Keeper:
    """One process of the plan."""

    def __init__(
        self,
        spec: ProcessSpec,
        tell: Tell,
        *,
        stop_seconds: float = 10.0,
        backoff: Backoff | None = None,
    ) -> None:
        self.spec = spec
        self.deaths = 0
        """How often in a row it died young."""
        self._tell = tell
        self._stop_seconds = stop_seconds
        self._backoff = backoff or Backoff(first_seconds=0.5, most_seconds=30.0)
        self._process: Process | None = None
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin keeping it up."""
        self._task = asyncio.create_task(self._keep(), name=f"keep {self.spec.name}")

    async def stop(self) -> None:
        """SIGTERM; SIGKILL after the deadline. Returns when nothing of it is left."""
        self._stopping.set()
        if self._process is not None and self._process.returncode is None:
            await self._end(self._process)
        if self._task is not None:
            await self._task
        self.spec.pid_file.unlink(missing_ok=True)

    def kill(self) -> None:
        """Waste no more time on it if it is stopping."""
        running = self._process is not None and self._process.returncode is None
        if self._process is not None and running and self._stopping.is_set():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def _keep(self) -> None:
        while not self._stopping.is_set():
            started = time.monotonic()
            try:
                ending = await self._run()
            except OSError as error:  # no memory to fork, no room for a log: that may pass
                ending = f"not started: {error}"
            if self._stopping.is_set():
                self._tell(Stopped(self.spec.name))
                return
            young = time.monotonic() - started < _SETTLED_SECONDS
            self.deaths = self.deaths + 1 if young else 1
            delay = self._backoff.delay(self.deaths)
            self._tell(Died(self.spec.name, ending, delay))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), delay)

    async def _run(self) -> str:
        """One life of the process; returns how it ended."""
        self._process = await self._spawn()
        if self._stopping.is_set():  # `stop` came while there was nothing to stop yet
            await self._end(self._process)
        code = await self._process.wait()
        await clear_strays(self.spec.name, self._stop_seconds)
        return _ending(code)

    async def _spawn(self) -> Process:
        wrapped = [sys.executable, "-m", "understudy.launch.child", str(os.getpid())]
        self.spec.log.parent.mkdir(parents=True, exist_ok=True)
        with self.spec.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *wrapped,
                *self.spec.argv,
                env={**os.environ, **self.spec.env, MARK: self.spec.name},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
        with contextlib.suppress(OSError):  # for people who look: no reason to lose the process
            self._write_pid(process.pid)
        self._tell(Started(self.spec.name, process.pid))
        return process

    def _write_pid(self, pid: int) -> None:
        self.spec.pid_file.parent.mkdir(parents=True, exist_ok=True)
        draft = self.spec.pid_file.with_suffix(".draft")
        draft.write_text(f"{pid}\n")
        draft.replace(self.spec.pid_file)

    async def _end(self, process: Process) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), self._stop_seconds)
        except TimeoutError:
            self._tell(Killed(self.spec.name, self._stop_seconds))
            self.kill()


def _ending(code: int) -> str:
    """An exit code in words."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
