"""A whole Understudy for one run: `understudy up` on free ports, pinned, with a model deployed."""

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.peers.processes import Cores, Tree, started
from benchmarks.peers.server import free_port

_SERVICES: Final = ("serving", "registry", "monitor", "challenger", "redis")
_UP: Final = "Understudy is up"
_UP_SECONDS: Final = 150.0
_LOOK_SECONDS: Final = 0.1


class LaptopError(Exception):
    """It did not come up, or not as it was asked to; the message holds what it said last."""


@dataclass(frozen=True, slots=True)
class Laptop:
    """The processes of one `understudy up`."""

    folder: Path
    ports: Mapping[str, int]
    everything: Tree
    """The launcher and all that it started."""

    def url(self, service: str) -> str:
        """Where a service listens."""
        return f"http://127.0.0.1:{self.ports[service]}"

    @property
    def admin_key(self) -> str:
        """The installation's own."""
        return (self.folder / "var" / "secrets" / "admin.key").read_text().strip()

    def tree(self, *services: str) -> Tree:
        """The processes of some services, whoever they are by now."""
        return Tree(lambda: [pid for name in services if (pid := self._pid(name)) is not None])

    def pin(self, cores: Cores, on_server_core: tuple[str, ...]) -> None:
        """Put some services on the server core, and the others beside the generator."""
        for service in _SERVICES:
            core = cores.server if service in on_server_core else cores.other
            self.tree(service).pin(core)

    def pause(self) -> None:
        """Stop all of it, when the monitor has read what the log holds.

        It must read now and then: what it has not read can't be trimmed.
        """
        monitor = self.tree("monitor")
        monitor.signal(signal.SIGCONT)
        monitor.settle()
        self.everything.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let all go on but the monitor, which would read the log on the generator's core."""
        for pid in self._without_monitor():
            os.kill(pid, signal.SIGCONT)

    def _without_monitor(self) -> list[int]:
        monitor = {*self.tree("monitor").members()}
        return [pid for pid in self.everything.members() if pid not in monitor]

    def _pid(self, service: str) -> int | None:
        try:
            return int((self.folder / "var" / "run" / f"{service}.pid").read_text())
        except (OSError, ValueError):
            return None


@contextmanager
def laptop(folder: Path, core: int, settings: Mapping[str, str]) -> Iterator[Laptop]:
    """Start everything with one serving worker; end it with the context. Raises LaptopError."""
    ports = {service: free_port() for service in (*_SERVICES, "serving_grpc")}
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("UNDERSTUDY_")}
    env = {
        **inherited,
        **{f"UNDERSTUDY_{name.upper()}_PORT": str(port) for name, port in ports.items()},
        "UNDERSTUDY_STATE_DIR": str(folder / "var"),
        "UNDERSTUDY_SERVING_WORKERS": "1",
        "UNDERSTUDY_LOG_LEVEL": "WARNING",
        # It runs in its own folder, from this tree.
        "PYTHONPATH": str(Path.cwd()),
        **settings,
    }
    up = [sys.executable, "-m", "understudy.cli", "up", "--no-example"]
    with started(up, env=env, folder=folder, core=core) as everything:
        output = folder / "output.log"
        wait_until(lambda: _UP in output.read_text(errors="replace"), everything, output)
        yield Laptop(folder, ports, everything)
    # Gigabytes of log; what the processes said stays.
    shutil.rmtree(folder / "var" / "redis", ignore_errors=True)


def wait_until(holds: Callable[[], bool], everything: Tree, output: Path) -> None:
    """Look until it holds. Raises LaptopError when it has not in time, or the launcher ended."""
    deadline = time.monotonic() + _UP_SECONDS
    while not holds():
        if time.monotonic() > deadline or not everything.members():
            raise LaptopError(output.read_text(errors="replace")[-2_000:])
        time.sleep(_LOOK_SECONDS)
