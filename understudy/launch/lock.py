"""One launcher per state folder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from understudy.launch.errors import LaunchError


@contextmanager
def state_lock(state_dir: Path) -> Iterator[None]:
    """Hold the folder. The kernel lets go of the lock when the process ends, however it ends."""
    path = state_dir / "understudy.lock"
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
        file = path.open("a+")
    except OSError as error:
        raise LaunchError(
            f"The state folder {state_dir} can't be used: {error.strerror}. "
            "Choose another one: UNDERSTUDY_STATE_DIR=/a/folder/of/yours"
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise LaunchError(
                f"{state_dir} is in use by another 'understudy up' (process {file.read().strip()})."
                " Stop that one, or choose another folder: UNDERSTUDY_STATE_DIR=…"
            ) from None
        file.seek(0)
        file.truncate()
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
