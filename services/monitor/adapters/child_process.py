"""Children of the monitor: heavy libraries on foreign values, in a process of their own.

A child gets a description and files in a folder, nothing of our environment that is secret, and is
killed when nobody waits for it any more.
"""

import asyncio
import contextlib
import os
import re
import signal
import sys
from pathlib import Path
from typing import Final

from understudy.runtime.children import child_environment

_ERRORS: Final = "errors"
_ERROR_BYTES: Final = 2_000
_REASON: Final = re.compile(
    r"[A-Za-z_][\w.]{0,119}( at [\w.-]{1,119}:\d{1,7}$|(?<=Error)(?=:)|(?<=Error)$)",
    re.ASCII,
)
"""What a child says when it fails, or the interpreter before the child's module was there."""


async def run_child(module: str, task: Path, folder: Path) -> int:
    """The child's exit status; a child that is not waited for to the end is killed."""
    with (folder / _ERRORS).open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module, str(task)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=errors,
            stderr=errors,
            # No telemetry, no files elsewhere.
            env=child_environment(HOME=str(folder), TMPDIR=str(folder), DO_NOT_TRACK="1"),
            start_new_session=True,
        )
    try:
        return await process.wait()
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


def said_last(folder: Path) -> str:
    """The end of what the child in this folder said."""
    with (folder / _ERRORS).open("rb") as errors:
        errors.seek(max(0, errors.seek(0, os.SEEK_END) - _ERROR_BYTES))
        return errors.read().decode(errors="replace")


def reason_of(said: str) -> str:
    """Why a child failed, from the end of what it said: a class and a place, never a value.

    Messages of exceptions quote what callers sent, so nothing else of it may reach a log.
    """
    lines = said.strip().splitlines()
    found = _REASON.match(lines[-1]) if lines else None
    return found.group() if found else "unknown"
