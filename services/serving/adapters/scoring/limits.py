"""What a process may take, and how long it may live: with its parent, below everybody else."""

import contextlib
import ctypes
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def lower_priority(nice: int) -> None:
    """Give way to other processes, also to those outside our session's scheduling group."""
    os.nice(max(0, nice - os.nice(0)))
    # Where Linux groups by session, niceness alone counts only within the group. Not everywhere.
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(nice))


def limit_memory(memory_bytes: int) -> None:
    """Let allocations beyond so much address space fail; write no image of memory, ever."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent dies, however it dies."""
    # Elsewhere than on Linux the end of the parent's socket has to do.
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != parent:
        sys.exit("the challenger process is gone")
