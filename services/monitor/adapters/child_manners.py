"""How a child of the monitor behaves: within limits, and silent on what callers sent."""

import os
import re
import resource
import signal
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import Final

_FILE_BYTES: Final = 256 * 1024**2


def limit(seconds: int, memory_bytes: int) -> None:
    """Bounds that hold even when nobody is left to kill this process."""
    os.nice(10)
    signal.alarm(seconds)
    for kind, most in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, _FILE_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        resource.setrlimit(
            kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard)
        )


def tell_without_values(
    kind: type[BaseException], _error: BaseException, at: TracebackType | None
) -> None:
    """Say what failed and where, without the message: it may quote what callers sent."""
    frames = traceback.extract_tb(at)
    name = re.sub(r"[^\w.-]", "_", Path(frames[-1].filename).name) if frames else "nowhere"
    line = frames[-1].lineno if frames else 0
    sys.stderr.write(f"\n{kind.__module__}.{kind.__qualname__} at {name}:{line}\n")
