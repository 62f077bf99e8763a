"""What file systems raise, as refusals: each library of an object store has errors of its own."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from services.registry.adapters.artifact_files import ArtifactFiles
from services.registry.domain.backups import BackupFolderUnavailableError
from understudy.contracts.refusals import Refusal
from understudy.runtime.folders import MISTAKES
from understudy.runtime.urls import without_passwords


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
