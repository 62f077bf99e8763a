"""Processes that outlived the one that started them.

`bentoml serve` puts each worker into a session of its own, so when it is killed the workers stay
and hold its port. The launcher adopts such orphans (the kernel hands them to the nearest
"subreaper") and knows by a variable in their environment whose they were.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import time
from pathlib import Path
from typing import Final

MARK: Final = "UNDERSTUDY_PROCESS"
"""The variable that names the process; its children inherit it."""

_PR_SET_CHILD_SUBREAPER: Final = 36
_LOOK_SECONDS: Final = 0.05


def adopt_orphans() -> None:
    """Become the parent of whatever our processes leave behind."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def strays(name: str) -> list[int]:
    """Our children that carry the mark of `name`; asked only while `name` itself is not running."""
    mark = f"{MARK}={name}".encode()
    return [pid for pid in _children() if mark in _environment(pid)]


async def clear_strays(name: str, deadline_seconds: float) -> None:
    """Ask them to stop, and kill those that have not by the deadline."""
    deadline = time.monotonic() + deadline_seconds
    asked = set[int]()
    while left := strays(name):
        late = time.monotonic() >= deadline
        for pid in left:
            if late or pid not in asked:
                _signal(pid, signal.SIGKILL if late else signal.SIGTERM)
                asked.add(pid)
        await asyncio.sleep(_LOOK_SECONDS)
        _reap(asked)
    _reap(asked)


def _children() -> list[int]:
    ours = os.getpid()
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*") if _parent(entry) == ours]


def _parent(entry: Path) -> int | None:
    try:
        # The name, in parentheses, may hold spaces; what follows it is state and parent.
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _reap(pids: set[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
