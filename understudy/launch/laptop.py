"""From settings to a running laptop: what must hold before anything starts, then the supervisor."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from understudy.launch.errors import LaunchError
from understudy.launch.events import Tell
from understudy.launch.lock import state_lock
from understudy.launch.plan import Plan, make_plan
from understudy.launch.ports import PortTakenError, check_ports
from understudy.launch.redis_server import NoRedisServerError, find_redis_server
from understudy.launch.secrets import Secrets, load_secrets
from understudy.launch.settings import LaptopSettings
from understudy.launch.supervisor import Supervisor

_OTHERS: Final = 0o077
_OWNER_ALONE: Final = 0o700
_LEFTOVER_SECONDS: Final = 15.0
"""How long the processes of a launcher that was killed may take to stop by themselves."""


@dataclass(frozen=True, slots=True)
class Laptop:
    """All processes, held for as long as `laptop()` is entered."""

    settings: LaptopSettings
    secrets: Secrets
    resumed: bool
    """An earlier start left its state in the folder."""
    supervisor: Supervisor


@asynccontextmanager
async def laptop(settings: LaptopSettings, tell: Tell) -> AsyncIterator[Laptop]:
    """Hold the folder and the right to start; stop whatever was started on the way out.

    What is in the folder is for this user alone: models, rows and what people answered.
    Raises LaunchError before anything is started when something stands in the way.
    """
    state = settings.state_dir
    resumed = (state / "secrets" / "admin.key").exists()
    with _private_files(), state_lock(state):
        binary = _redis_server(settings)
        secrets = load_secrets(state / "secrets")
        plan = make_plan(settings, secrets, python=sys.executable, redis_server=binary)
        _make_folders(state, plan)
        await _await_ports(settings, plan)
        supervisor = Supervisor(
            plan,
            tell,
            ready_seconds=settings.ready_seconds,
            stop_seconds=settings.stop_seconds,
        )
        try:
            yield Laptop(settings, secrets, resumed, supervisor)
        finally:
            await supervisor.stop()


def _redis_server(settings: LaptopSettings) -> Path | None:
    if settings.redis_url is not None:
        return None
    try:
        return find_redis_server(settings.redis_server)
    except NoRedisServerError as error:
        raise LaunchError(
            f"{error} Or name a Redis that runs already in UNDERSTUDY_REDIS_URL."
        ) from error


@contextmanager
def _private_files() -> Iterator[None]:
    """Processes that are started meanwhile make no file that other users of the machine read."""
    before = os.umask(_OTHERS)
    try:
        yield
    finally:
        os.umask(before)


def _make_folders(state: Path, plan: Plan) -> None:
    for name in ("logs", "run", *(spec.name for spec in plan.processes)):
        folder = state / name
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(_OWNER_ALONE)  # an earlier start may have made it for all


async def _await_ports(settings: LaptopSettings, plan: Plan) -> None:
    """Check the ports; after a launcher that was killed, let its processes finish stopping."""
    deadline = time.monotonic() + _LEFTOVER_SECONDS
    while True:
        try:
            check_ports(settings.host, plan.ports)
        except PortTakenError:
            leftovers = any(spec.pid_file.exists() for spec in plan.processes)
            if not leftovers or time.monotonic() >= deadline:
                raise
            await asyncio.sleep(0.2)
        else:
            return
