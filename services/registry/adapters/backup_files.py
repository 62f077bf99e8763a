"""Backups as folders of a place that fsspec opens by URL.

<place>/artifacts/ab/ab12…              each artifact once, for all backups
<place>/20260301T120000Z-1a2b3c/        one backup: a file for each table, the list of artifacts
<place>/20260301T120000Z-1a2b3c/manifest.json   written last
"""

import gzip
import hashlib
import uuid
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import IO, Final

import fsspec
from pydantic import TypeAdapter, ValidationError

from services.registry.adapters.local_files import sync_file, sync_folder
from services.registry.adapters.reaching import ReachedFiles, reached
from services.registry.domain.backups import (
    FORMAT,
    NAME,
    BackupNotFoundError,
    BackupTooNewError,
    BackupUnusableError,
    Manifest,
    Part,
)
from understudy.runtime.folders import is_local, make_folder
from understudy.runtime.urls import without_passwords


@dataclass(frozen=True, slots=True)
class _Stated:
    """What is the same in every format."""

    format: int


_STATED: Final = TypeAdapter(_Stated)
_MANIFEST: Final = TypeAdapter(Manifest)
_ABANDONED_AFTER: Final = timedelta(hours=24)
_CHUNK: Final = 1 << 20


class BackupFiles:
    """Implements `ports.backups.BackupFolder`."""

    def __init__(self, url: str) -> None:
        self.place = without_passwords(url)
        with self._reached():
            self._files, self._root = fsspec.url_to_fs(url, use_listings_cache=False)
            self.place = without_passwords(self._files.unstrip_protocol(self._root))
        self._local = is_local(self._files)
        self.artifacts = ReachedFiles(f"{url.rstrip('/')}/artifacts")

    def _reached(self) -> AbstractContextManager[None]:
        return reached(self.place)

    def names(self) -> list[str]:
        """Published backups, newest first."""
        with self._reached():
            return sorted(filter(self._published, self._folders()), reverse=True)

    def manifest(self, name: str) -> Manifest:
        """What the backup's manifest says."""
        if not NAME.fullmatch(name) or name not in self.names():
            raise BackupNotFoundError(f"There is no published backup '{name}' in {self.place}.")
        with self._reached():
            content = self._files.cat_file(self._path(name, "manifest.json"))
        try:
            stated = _STATED.validate_json(content).format
            if stated > FORMAT:
                raise BackupTooNewError(
                    f"Backup {name} has format {stated}, and this software reads up to {FORMAT}: "
                    "restore it with the release that made it, or a newer one."
                )
            return _MANIFEST.validate_json(content)
        except ValidationError as error:
            raise BackupUnusableError(f"The manifest of backup {name} can't be read.") from error

    def write(self, name: str, file: str, lines: Iterable[bytes]) -> Part:
        """Compressed on its way, and hashed as it lies there."""
        rows = 0
        with self._created(name, file) as target:
            hashed = _Hashed(target)
            with gzip.GzipFile(filename="", mode="wb", fileobj=hashed, mtime=0) as packed:
                for line in lines:
                    packed.write(line)
                    rows += 1
        return Part(rows, hashed.size_bytes, hashed.hexdigest())

    def verify(self, name: str, file: str, part: Part) -> None:
        """Read the whole file."""
        with self._opened(name, file) as source:
            hashed = _Hashed()
            while chunk := source.read(_CHUNK):
                hashed.write(chunk)
        if (hashed.size_bytes, hashed.hexdigest()) != (part.size_bytes, part.sha256):
            raise BackupUnusableError(
                f"'{file}' of backup {name} is not as it was written: {hashed.size_bytes} bytes "
                f"with SHA-256 {hashed.hexdigest()}, not {part.size_bytes} with {part.sha256}."
            )

    def read(self, name: str, file: str) -> Iterator[bytes]:
        """The lines."""
        with self._opened(name, file) as source:
            try:
                with gzip.GzipFile(fileobj=source) as packed:
                    yield from packed
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                raise BackupUnusableError(f"'{file}' of backup {name} is damaged.") from error

    def publish(self, manifest: Manifest) -> None:
        """By a rename, once all that it vouches for is on the disk."""
        file = f"{uuid.uuid4().hex}.draft"
        with self._created(manifest.name, file) as target:
            target.write(_MANIFEST.dump_json(manifest, indent=1))
        with self._reached():
            self._sync(self._path(manifest.name), self._root)
            try:
                self._files.mv(
                    self._path(manifest.name, file), self._path(manifest.name, "manifest.json")
                )
            except Exception:
                # An object store copies; that the draft stays behind undoes nothing.
                if not self._published(manifest.name):
                    raise
            self._sync(self._path(manifest.name))

    def prune(self, keep: int, now: datetime) -> list[str]:
        """What stops being a backup does so first, whatever becomes of its files."""
        surplus = self.names()[keep:]
        with self._reached():
            abandoned = self._abandoned(now)
            for name in surplus:
                with suppress(FileNotFoundError):
                    self._files.rm_file(self._path(name, "manifest.json"))
            for name in [*surplus, *abandoned]:
                with suppress(FileNotFoundError):  # two that prune at once do the same
                    self._files.rm(self._path(name), recursive=True)
        return surplus

    def _abandoned(self, now: datetime) -> list[str]:
        oldest = (now - _ABANDONED_AFTER).astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        return [name for name in self._folders() if name < oldest and not self._published(name)]

    def _folders(self) -> list[str]:
        self._files.invalidate_cache()
        try:
            found = self._files.ls(self._root, detail=False)
        except FileNotFoundError:
            return []
        names = (path.rstrip("/").rpartition("/")[2] for path in found)
        return [name for name in names if NAME.fullmatch(name)]

    def _published(self, name: str) -> bool:
        return bool(self._files.exists(self._path(name, "manifest.json")))

    def _path(self, *parts: str) -> str:
        return "/".join((self._root.rstrip("/"), *parts))

    def _sync(self, *folders: str) -> None:
        if self._local:
            for folder in folders:
                sync_folder(folder)

    @contextmanager
    def _created(self, name: str, file: str) -> Iterator["_Target"]:
        """A new file; what its writer meets elsewhere is not told as the folder's."""
        with self._reached():
            make_folder(self._files, self._path(name))
            opened = self._files.open(self._path(name, file), "wb")
        try:
            yield _Target(opened, self._reached)
            with self._reached():
                if self._local:
                    sync_file(opened)
        finally:
            with self._reached():
                opened.close()

    @contextmanager
    def _opened(self, name: str, file: str) -> Iterator[IO[bytes]]:
        with self._reached():
            try:
                source = self._files.open(self._path(name, file), "rb")
            except FileNotFoundError as error:
                raise BackupUnusableError(f"'{file}' of backup {name} is missing.") from error
            with source:
                yield source


class _Target:
    """A file that is being written."""

    def __init__(
        self, file: IO[bytes], reached: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._file = file
        self._reached = reached

    def write(self, content: bytes) -> None:
        with self._reached():
            self._file.write(content)


class _Hashed:
    """Hashes and counts what passes through to a file, if there is one."""

    def __init__(self, target: "_Target | None" = None) -> None:
        self._target = target
        self._hashing = hashlib.sha256()
        self.size_bytes = 0

    def write(self, content: bytes) -> int:
        self._hashing.update(content)
        self.size_bytes += len(content)
        if self._target is not None:
            self._target.write(content)
        return len(content)

    def flush(self) -> None:
        """As a file would."""

    def hexdigest(self) -> str:
        return self._hashing.hexdigest()
