"""Making a backup of everything that the registry keeps, and putting it back."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from services.registry.domain.audit import SYSTEM, Action, Entry
from services.registry.domain.backups import (
    ARTIFACTS,
    FORMAT,
    ArtifactLostError,
    BackupNotFoundError,
    BackupPublishedError,
    BackupUnusableError,
    Manifest,
    Part,
    name_of,
)
from services.registry.domain.errors import DigestMismatchError
from services.registry.operations.reach import Clock
from services.registry.ports.backups import BackupFolder, FileStore, TableStore
from understudy.contracts.refusals import Refusal

Progress = Callable[[str], None]
_SAID_EVERY: Final = 100


@dataclass(frozen=True, slots=True)
class Copied:
    """Artifacts that were not there yet."""

    files: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class BackedUp:
    """A backup that was published."""

    manifest: Manifest
    copied: Copied
    removed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Restored:
    """A backup that was put back."""

    manifest: Manifest
    copied: Copied


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A backup of which nobody can say what it holds."""

    name: str
    reason: str


class Backups:
    """One registry and one folder of backups."""

    def __init__(
        self,
        *,
        tables: TableStore,
        files: FileStore,
        folder: BackupFolder,
        clock: Clock,
        draw: Callable[[], str],
        progress: Progress,
    ) -> None:
        self._tables = tables
        self._files = files
        self._folder = folder
        self._clock = clock
        self._draw = draw
        self._progress = progress

    def published(self) -> list[Manifest | Unreadable]:
        """Newest first. One that can't be read hides no other."""
        return [self._told(name) for name in self._folder.names()]

    def _told(self, name: str) -> Manifest | Unreadable:
        try:
            return self._folder.manifest(name)
        except Refusal as refusal:
            return Unreadable(name, refusal.detail)

    def back_up(self, keep: int | None = None) -> BackedUp:
        """Publish a backup of one moment; afterwards keep no more than `keep` of them."""
        began = self._clock()
        name = name_of(began, self._draw())
        with self._tables.moment() as moment:
            parts = {}
            for table, lines in moment.tables():
                part = self._folder.write(name, f"{table}.jsonl.gz", lines)
                parts[table] = replace(part, rows=part.rows - 1)  # the first tells of the columns
                self._progress(f"{table}: {parts[table].rows} rows")
            digests, revision, sequence = moment.digests(), moment.revision, moment.sequence
            head = moment.head
        copied = self._copy(digests, self._files, self._folder.artifacts, self._lost, _of_size)
        sizes = [self._folder.artifacts.size(digest) or 0 for digest in digests]
        listed = self._folder.write(name, f"{ARTIFACTS}.jsonl.gz", _listed(digests, sizes))
        manifest = Manifest(
            FORMAT, name, began, revision, sequence, parts, listed, sum(sizes), head
        )
        self._folder.publish(manifest)
        self._progress(f"published {name}")
        with self._once_published(name, "the registry could not note it"):
            self._tables.backed_up(began, self._entry(Action.BACK_UP, manifest))
        with self._once_published(name, "older ones could not be removed"):
            removed = [] if keep is None else self._folder.prune(keep, self._clock())
        return BackedUp(manifest, copied, tuple(removed))

    def restore(self, name: str | None = None, *, force: bool = False) -> Restored:
        """Put a backup, the newest unless one is named, in the place of what is there.

        Unless `force` allows it, there must be nothing. Either all of it is done or, for the
        tables, nothing: an artifact more does no harm.
        """
        manifest = self._folder.manifest(name or self._newest())
        self._tables.check(manifest.revision, empty=not force)
        digests = self._verified(manifest)
        copied = self._copy(digests, self._folder.artifacts, self._files, self._missing, _intact)
        tables = (
            _counted(self._folder.read(manifest.name, f"{table}.jsonl.gz"), table, part)
            for table, part in manifest.tables.items()
        )
        entry = self._entry(Action.RESTORE, manifest)
        self._tables.replace(manifest, tables, entry, empty=not force)
        self._progress(f"restored {manifest.name}")
        return Restored(manifest, copied)

    def _newest(self) -> str:
        names = self._folder.names()
        if not names:
            raise BackupNotFoundError(f"There is no published backup in {self._folder.place}.")
        return names[0]

    def _verified(self, manifest: Manifest) -> list[str]:
        """The digests that the backup lists, once every file of it is as it was written."""
        for table, part in {**manifest.tables, ARTIFACTS: manifest.artifacts}.items():
            self._folder.verify(manifest.name, f"{table}.jsonl.gz", part)
        self._progress(f"{manifest.name}: all files are as they were written")
        return [msgspec.json.decode(line)[0] for line in self._artifact_lines(manifest)]

    def _artifact_lines(self, manifest: Manifest) -> Iterator[bytes]:
        return self._folder.read(manifest.name, f"{ARTIFACTS}.jsonl.gz")

    def _copy(
        self,
        digests: list[str],
        source: FileStore,
        target: FileStore,
        lost: Callable[[str, str], Exception],
        held: Callable[[FileStore, str, int], bool],
    ) -> Copied:
        """Have all of them in the target; each is hashed on its way."""
        files = size_bytes = 0
        for number, digest in enumerate(digests, 1):
            size = source.size(digest)
            if size is None:
                raise lost(digest, "is missing")
            if not held(target, digest, size):
                try:
                    size_bytes += target.take(digest, source.read(digest))
                except DigestMismatchError as error:
                    raise lost(digest, "is damaged") from error
                files += 1
            if number % _SAID_EVERY == 0 or number == len(digests):
                self._progress(f"artifacts: {number} of {len(digests)}, {files} copied")
        return Copied(files, size_bytes)

    @contextmanager
    def _once_published(self, name: str, what: str) -> Iterator[None]:
        """Whoever reads that something failed must not take the backup for missing."""
        try:
            yield
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
            detail = error.detail if isinstance(error, Refusal) else said
            raise BackupPublishedError(
                f"Backup {name} is published in {self._folder.place} and whole, but {what}: "
                f"{detail}"
            ) from error

    def _lost(self, digest: str, what: str) -> Exception:
        return ArtifactLostError(
            f"Artifact {digest} {what} in the registry's folder; nothing was published. Put the "
            "file back from an older backup's folder of artifacts, or from where it was made."
        )

    def _missing(self, digest: str, what: str) -> Exception:
        return BackupUnusableError(
            f"Artifact {digest} {what} in {self._folder.place}; the registry was left as it is."
        )

    def _entry(self, action: Action, manifest: Manifest) -> Entry:
        details = {
            "place": self._folder.place,
            "made_at": manifest.made_at.isoformat(),
            "sequence": manifest.sequence,
            "rows": manifest.rows,
            "artifacts": manifest.artifacts.rows,
        }
        return Entry(self._clock(), SYSTEM, action, manifest.name, details=details)


def _of_size(target: FileStore, digest: str, size: int) -> bool:
    """A backup must not read all that earlier ones have copied."""
    return target.size(digest) == size


def _intact(target: FileStore, digest: str, size: int) -> bool:
    """A damaged file may be what the restore is for."""
    if not _of_size(target, digest, size):
        return False
    hashing = hashlib.sha256()
    for chunk in target.read(digest):
        hashing.update(chunk)
    return hashing.hexdigest() == digest


def _listed(digests: Iterable[str], sizes: Iterable[int]) -> Iterator[bytes]:
    for place in zip(digests, sizes, strict=True):
        yield msgspec.json.encode(place) + b"\n"


def _counted(lines: Iterable[bytes], table: str, part: Part) -> Iterator[bytes]:
    count = -1  # the first line tells of the columns
    for count, line in enumerate(lines):  # noqa: B007 - read after the loop
        yield line
    if count != part.rows:
        raise BackupUnusableError(f"'{table}' has {count} rows, not {part.rows}.")
