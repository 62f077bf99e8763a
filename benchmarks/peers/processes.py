"""Process trees on one core: started, counted, paused, ended."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TICK: Final = 1.0 / os.sysconf("SC_CLK_TCK")
_END_SECONDS: Final = 15.0
_QUIET_SECONDS: Final = 0.2
_QUIET_SHARE: Final = 0.1
"""A tree that uses less of a core than this has nothing left to do."""
_SETTLE_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Cores:
    """Which core the servers have, and which the generator and all else."""

    server: int
    other: int


@dataclass(frozen=True, slots=True)
class Tree:
    """Processes and all their descendants."""

    roots: Callable[[], Sequence[int]]
    """Asked every time: supervisors start processes anew."""

    def members(self) -> list[int]:
        """Who is alive now, parents first."""
        children = _children()
        found, todo = list[int](), [*self.roots()]
        while todo:
            pid = todo.pop(0)
            if pid not in found:
                found.append(pid)
                todo += children.get(pid, [])
        return found

    def cpu_seconds(self) -> float:
        """User and system time so far, that of ended children whom somebody waited for included."""
        return sum(_cpu_seconds(pid) for pid in self.members())

    def memory_bytes(self) -> int:
        """Proportional set size: what is shared is counted once."""
        return sum(_memory_bytes(pid) for pid in self.members())

    def signal(self, number: signal.Signals) -> None:
        """Signal every member that is still there."""
        for pid in self.members():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def pin(self, core: int) -> None:
        """Move every thread to the core; what they start later inherits it."""
        for pid in self.members():
            for thread in _threads(pid):
                with contextlib.suppress(ProcessLookupError):
                    os.sched_setaffinity(thread, {core})

    def settle(self) -> float:
        """Wait until it has nothing to do, 30 s at most; returns the seconds until then."""
        began = time.monotonic()
        while time.monotonic() - began < _SETTLE_SECONDS:
            before = self.cpu_seconds()
            time.sleep(_QUIET_SECONDS)
            if self.cpu_seconds() - before < _QUIET_SHARE * _QUIET_SECONDS:
                break
        return max(0.0, time.monotonic() - began - _QUIET_SECONDS)


@contextmanager
def started(
    argv: Sequence[str], *, env: Mapping[str, str], folder: Path, core: int
) -> Iterator[Tree]:
    """Run a command in `folder`, pinned; its output goes to `output.log` there. Ends all of it."""
    with (folder / "output.log").open("wb") as output:
        process = subprocess.Popen(
            ["taskset", "--cpu-list", str(core), *argv],
            env=dict(env),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    tree = Tree(lambda: [process.pid] if process.poll() is None else [])
    try:
        yield tree
    finally:
        _end(process, tree)


def _end(process: subprocess.Popen[bytes], tree: Tree) -> None:
    tree.signal(signal.SIGCONT)
    members = tree.members()
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_END_SECONDS)
    # Workers in sessions of their own may outlive their supervisor.
    for pid in members:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait(_END_SECONDS)


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on; empty when it is gone."""
    try:
        # The name, in parentheses, may hold spaces.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _children() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        pid = int(entry.name)
        if fields := _stat(pid):
            found.setdefault(int(fields[1]), []).append(pid)
    return found


def _cpu_seconds(pid: int) -> float:
    return sum(int(ticks) for ticks in _stat(pid)[11:15]) * _TICK


def _memory_bytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def _threads(pid: int) -> list[int]:
    try:
        return [int(entry.name) for entry in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:
        return []
