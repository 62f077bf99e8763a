"""What file systems raise, as refusals: each library of an object store has errors of its own."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

import fsspec

from services.registry.adapters.artifact_files import ArtifactFiles
from services.registry.domain.backups import (
    BackupFolderUnavailableError,
    FolderUnsupportedError,
)
from understudy.contracts.refusals import Refusal
from understudy.runtime.folders import MISTAKES
from understudy.runtime.urls import without_passwords

_S3: Final = "it comes with the extra 's3': pip install 'understudy[s3]'."
_EXTRAS: Final = {"s3": _S3, "s3a": _S3}


@contextmanager
def reached(place: str) -> Iterator[None]:
    """Only what is asked of the file system belongs in here.

    Raises BackupFolderUnavailableError; refusals pass.
    """
    try:
        yield
    except (Refusal, *MISTAKES):
        raise
    except Exception as error:
        said = without_passwords(f"{type(error).__name__}: {error}")
        raise BackupFolderUnavailableError(
            f"The folder {without_passwords(place)} failed: {said}"
        ) from error


def require_supported(url: str) -> None:
    """Whether there is software for a folder of that URL. Raises FolderUnsupportedError."""
    for part in url.split("::"):
        protocol, found, _ = part.partition("://")
        if found:
            _require_library(protocol, without_passwords(url))


def _require_library(protocol: str, place: str) -> None:
    try:
        fsspec.get_filesystem_class(protocol)
    except ImportError as error:
        remedy = _EXTRAS.get(protocol, str(error))
        raise FolderUnsupportedError(
            f"The folder {place} needs a library that is not installed: {remedy}"
        ) from error
    except ValueError as error:
        raise FolderUnsupportedError(
            f"The folder {place} can't be used: no library knows {protocol}://."
        ) from error


class ReachedFiles:
    """Implements `ports.backups.FileStore`."""

    def __init__(self, url: str) -> None:
        self._place = url
        with reached(url):
            self._files = ArtifactFiles(url)

    def size(self, digest: str) -> int | None:
        """In bytes."""
        with reached(self._place):
            return self._files.size(digest)

    def read(self, digest: str) -> Iterator[bytes]:
        """The bytes, in chunks."""
        with reached(self._place):
            yield from self._files.read(digest)

    def take(self, digest: str, chunks: Iterable[bytes]) -> int:
        """Keep the bytes; what goes wrong with the chunks' own source is that one's refusal."""
        with reached(self._place):
            return self._files.take(digest, chunks)
