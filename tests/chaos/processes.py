"""Processes of a laptop cluster, as faults find them and as they are watched."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Self

import psutil

from tests.cluster import LaptopCluster


def workers(cluster: LaptopCluster) -> set[int]:
    """Processes that answer requests."""
    found = psutil.Process(cluster.pid("serving")).children(recursive=True)
    return {child.pid for child in found if _is_worker(child)}


def _is_worker(process: psutil.Process) -> bool:
    try:
        return "_bentoml_impl.worker.service" in process.cmdline()
    except psutil.NoSuchProcess:
        return False


def is_zombie(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@contextmanager
def launcher_stopped(cluster: LaptopCluster) -> Iterator[None]:
    """Nobody starts anew what dies meanwhile."""
    os.kill(cluster.launcher_pid(), signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(cluster.launcher_pid(), signal.SIGCONT)


@dataclass(slots=True)
class Watch:
    """What the challengers' processes take, looked at now and then in a thread."""

    cluster: LaptopCluster
    most_processes: int = 0
    most_bytes: int = 0
    """Of one process."""
    most_bytes_together: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        threading.Thread(target=self._look, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def _look(self) -> None:
        parent = psutil.Process(self.cluster.pid("challenger"))
        while not self._over.wait(0.2):
            sizes = [size for child in parent.children() if (size := _resident(child))]
            self.most_processes = max(self.most_processes, len(sizes))
            self.most_bytes = max(self.most_bytes, *sizes, 0)
            self.most_bytes_together = max(self.most_bytes_together, sum(sizes))


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
