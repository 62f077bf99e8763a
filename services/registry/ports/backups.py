"""What backing up and restoring need from outside."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from services.registry.domain.audit import Entry
from services.registry.domain.backups import Manifest, Part
from services.registry.domain.chain import Head

Lines = Iterable[bytes]
"""One JSON value each, with its end of line."""


class Moment(Protocol):
    """All tables as one transaction sees them."""

    @property
    def revision(self) -> str:
        """Of the tables."""

    @property
    def sequence(self) -> int:
        """The last change."""

    @property
    def head(self) -> Head | None:
        """The newest entry of the audit trail; None when there is none."""

    def tables(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Names and lines, those that are referred to first; each is to be read before the next.

        The first line of each says what its columns are.
        """

    def digests(self) -> list[str]:
        """Of all artifacts that a version names, in order."""


class TableStore(Protocol):
    """The registry's tables as a whole. Raises StoreUnavailableError."""

    def moment(self) -> AbstractContextManager[Moment]:
        """A transaction to read in. Raises SchemaBehindError or SchemaAheadError."""

    def check(self, revision: str, *, empty: bool) -> None:
        """Raises BackupTooNewError, SchemaAheadError, or RegistryNotEmptyError if `empty` asks."""

    def replace(
        self, manifest: Manifest, tables: Iterable[Lines], entry: Entry, *, empty: bool
    ) -> None:
        """Put these tables in the place of what is there, and migrate them; or leave all as it is.

        The sequence moves on beyond both; the configuration stays. Raises what `check` raises, and
        BackupUnusableError.
        """

    def backed_up(self, at: datetime, entry: Entry) -> None:
        """Keep the time of the last backup."""


class FileStore(Protocol):
    """Artifacts by digest."""

    def size(self, digest: str) -> int | None:
        """In bytes; None when there is no such file."""

    def read(self, digest: str) -> Iterator[bytes]:
        """The bytes, in chunks."""

    def take(self, digest: str, chunks: Iterable[bytes]) -> int:
        """Keep the bytes and return their number. Raises DigestMismatchError, and keeps nothing."""


class BackupFolder(Protocol):
    """Where backups are. Raises BackupFolderUnavailableError."""

    @property
    def place(self) -> str:
        """For people; no password is in it."""

    @property
    def artifacts(self) -> FileStore:
        """Of all backups together."""

    def names(self) -> list[str]:
        """Published backups, newest first."""

    def manifest(self, name: str) -> Manifest:
        """Raises BackupNotFoundError, BackupUnusableError or BackupTooNewError."""

    def write(self, name: str, file: str, lines: Lines) -> Part:
        """A file of a backup that is being made. The rows of the part are its lines."""

    def verify(self, name: str, file: str, part: Part) -> None:
        """Read the whole file. Raises BackupUnusableError unless it is as it was written."""

    def read(self, name: str, file: str) -> Iterator[bytes]:
        """The lines of a file. Raises BackupUnusableError."""

    def publish(self, manifest: Manifest) -> None:
        """Make it a backup: all at once, as the last step."""

    def prune(self, keep: int, now: datetime) -> list[str]:
        """Remove all published ones but the newest `keep`, and what was left lying for a day."""
