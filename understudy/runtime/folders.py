"""Folders of fsspec file systems: a disk's, or prefixes of an object store below a bucket."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from understudy.runtime.urls import without_passwords

MISTAKES: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NameError,
    TypeError,
)
"""What says that a program is wrong, rather than its surroundings: it keeps its traceback."""


class FolderUnavailableError(OSError):
    """A folder can't be written. The text names it, and holds no password."""


def make_folder(files: Any, path: str) -> None:
    """Have a folder, and the bucket above it.

    A key that may make no bucket may write into one nevertheless: writing tells.
    """
    try:
        files.makedirs(path, exist_ok=True)
    except (OSError, ValueError):
        if is_local(files):
            raise


def is_local(files: Any) -> bool:
    """Whether an fsspec file system is this machine's."""
    return "file" in files.protocol


class WrittenFolder:
    """A folder that is made when it is first written to, and anew once that has failed."""

    def __init__(self, files: Any, root: str) -> None:
        self._files = files
        self._root = root
        self._made = False

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Around what writes. Raises FolderUnavailableError, whatever the store's library does."""
        try:
            if not self._made:
                make_folder(self._files, self._root)
            yield
        except MISTAKES:
            raise
        except Exception as error:
            self._made = False
            raise FolderUnavailableError(unwritable(self._files, self._root, error)) from error
        self._made = True


def unwritable(files: Any, root: str, error: Exception) -> str:
    """Which folder can't be written and why, without passwords."""
    place = root
    with suppress(NotImplementedError):
        place = files.unstrip_protocol(root)
    return without_passwords(
        f"The folder {place} can't be written: {type(error).__name__}: {error}"
    )
