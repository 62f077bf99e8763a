"""Keeps the plan's processes up, in the right order: Redis is first to start and last to stop."""

import asyncio
import shutil
import time
from pathlib import Path
from typing import Final

from understudy.launch.errors import LaunchError
from understudy.launch.events import Ready, Tell
from understudy.launch.keeper import Keeper
from understudy.launch.plan import Plan, ProcessSpec
from understudy.launch.readiness import why_not_ready
from understudy.launch.strays import adopt_orphans

_TRIES: Final = 3
"""A process that dies this often before it was ever ready will not become so by itself."""
_LOOK_SECONDS: Final = 0.1
_TAIL_LINES: Final = 20
_KEPT_LOGS: Final = 3


class NotReadyError(LaunchError):
    """A process did not become ready."""


class Supervisor:
    """All processes of one laptop."""

    def __init__(
        self, plan: Plan, tell: Tell, *, ready_seconds: float = 120.0, stop_seconds: float = 10.0
    ) -> None:
        self._plan = plan
        self._tell = tell
        self._ready_seconds = ready_seconds
        self._keepers = {
            spec.name: Keeper(spec, tell, stop_seconds=stop_seconds) for spec in plan.processes
        }

    async def start(self) -> None:
        """Start all and return when all are ready. Raises NotReadyError with the log's end."""
        adopt_orphans()
        for spec in self._plan.processes:
            rotate(spec.log)
        deadline = time.monotonic() + self._ready_seconds
        if self._plan.redis is not None:
            await self._bring_up(self._plan.redis, deadline)
        try:
            async with asyncio.TaskGroup() as group:
                for spec in self._plan.services:
                    group.create_task(self._bring_up(spec, deadline))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def stop(self) -> None:
        """Stop the services, then Redis: what they still have to log finds it there."""
        services = [self._keepers[spec.name] for spec in self._plan.services]
        ends = await asyncio.gather(*(k.stop() for k in services), return_exceptions=True)
        if self._plan.redis is not None:
            await self._keepers[self._plan.redis.name].stop()
        for end in ends:
            if end is not None:
                raise end

    def hurry(self) -> None:
        """Kill whatever has not stopped yet."""
        for keeper in self._keepers.values():
            keeper.kill()

    async def _bring_up(self, spec: ProcessSpec, deadline: float) -> None:
        keeper, began = self._keepers[spec.name], time.monotonic()
        keeper.start()
        while (lacking := await why_not_ready(spec.ready_url)) is not None:
            if keeper.deaths >= _TRIES:
                raise NotReadyError(_report(spec, f"died {keeper.deaths} times while starting"))
            if time.monotonic() >= deadline:
                waited = f"is not ready after {self._ready_seconds:g} s ({lacking})"
                raise NotReadyError(_report(spec, waited))
            await asyncio.sleep(_LOOK_SECONDS)
        self._tell(Ready(spec.name, time.monotonic() - began))


def rotate(log: Path) -> None:
    """Begin a new log; the last few are kept as `NAME.log.1` and so on."""
    for number in range(_KEPT_LOGS - 1, 0, -1):
        older = log.with_suffix(f".log.{number}")
        if older.exists():
            older.replace(log.with_suffix(f".log.{number + 1}"))
    if log.exists():
        shutil.move(log, log.with_suffix(".log.1"))


def _report(spec: ProcessSpec, what: str) -> str:
    return f"{spec.name} {what}. The end of {spec.log}:\n{tail(spec.log)}"


def tail(log: Path, lines: int = _TAIL_LINES) -> str:
    """The last lines of a log."""
    try:
        with log.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - 64 * 1024))
            found = file.read().decode(errors="replace").splitlines()
    except OSError:
        return "(no log)"
    return "\n".join(f"  {line}" for line in found[-lines:]) or "  (empty)"
