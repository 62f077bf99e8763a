"""Folders of spools, one for each writer. Whoever holds the lock of a folder owns it.

The kernel lets go of a lock when its process ends, however it ends: a folder whose lock can be had
was left behind, and is adopted by whoever finds it.
"""

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from services.serving.adapters.spool_segments import SUFFIX, sync_folder

_LOCK: Final = "lock"
_POSITION: Final = "drained"
_POSITION_BYTES: Final = 32
_UNBORN: Final = "."
_UNBORN_SECONDS: Final = 60.0
"""A folder that has no name for so long never gets one: whoever made it was killed."""


class SpoolFolder:
    """A folder that this process owns. All methods block: they are called in threads."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock

    def segments(self) -> list[Path]:
        """Segment files, the oldest first."""
        return sorted(self.path.glob(f"*{SUFFIX}"))

    def read_position(self) -> tuple[str, int]:
        """Name of the segment that is being drained, and how far that got."""
        with contextlib.suppress(OSError, ValueError):
            name, offset = (self.path / _POSITION).read_text().split()
            return name, int(offset)
        return "", 0

    def write_position(self, segment: str, offset: int) -> None:
        """Remember it over a restart. Not synced: a flush that is sent again is applied once."""
        handle = os.open(self.path / _POSITION, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.pwrite(handle, f"{segment} {offset}".ljust(_POSITION_BYTES).encode(), 0)
        finally:
            os.close(handle)

    def release(self, *, delete: bool) -> None:
        """Let go of the folder; `delete` when nothing in it is needed any more."""
        if delete:
            shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def claim(root: Path, writer: str) -> SpoolFolder:
    """A new folder of one's own. Raises OSError."""
    # It gets its name when it is locked, so that nobody adopts it before.
    unborn = root / f"{_UNBORN}{writer}"
    unborn.mkdir(parents=True, exist_ok=True, mode=0o700)  # it is there after a failure
    lock = _locked(unborn)
    if lock is None:
        raise BlockingIOError(f"{unborn} is locked by another process")
    unborn.rename(root / writer)
    sync_folder(root)
    return SpoolFolder(root / writer, lock)


def adopt(root: Path) -> Iterator[SpoolFolder]:
    """Folders whose owner is gone; they are ours from now on. Those without a name are removed."""
    if not root.is_dir():
        return
    for path in sorted(root.iterdir()):
        with contextlib.suppress(OSError):
            folder = _ownerless(path)
            if folder is not None and path.name.startswith(_UNBORN):
                folder.release(delete=True)
            elif folder is not None:
                yield folder


def _ownerless(path: Path) -> SpoolFolder | None:
    if not path.is_dir():
        return None
    if path.name.startswith(_UNBORN) and time.time() - path.stat().st_mtime < _UNBORN_SECONDS:
        return None
    lock = _locked(path)
    return None if lock is None else SpoolFolder(path, lock)


def _locked(folder: Path) -> int | None:
    """The lock of the folder; None: another process holds it, or has just deleted the folder."""
    path = folder / _LOCK
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.stat().st_ino == os.fstat(lock).st_ino:
            return lock
    except OSError:
        pass
    os.close(lock)
    return None
