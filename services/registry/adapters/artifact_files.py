"""Artifacts as files of a folder that fsspec opens by URL, named by the SHA-256 of their bytes."""

import asyncio
import errno
import hashlib
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import fsspec
import structlog

from services.registry.adapters.incoming import BLOCK, blocks
from services.registry.adapters.local_files import sync_file, sync_folder
from services.registry.domain.artifact_refusals import ArtifactDamagedError, StoreFullError
from services.registry.domain.errors import (
    ArtifactTooLargeError,
    DigestMismatchError,
    StoreUnavailableError,
)
from understudy.runtime.folders import MISTAKES, is_local, make_folder, unwritable

_ABANDONED_AFTER: Final = timedelta(hours=24)
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class ArtifactFiles:
    """Implements `ports.ArtifactStore`. A file gets its name only when its bytes deserve it."""

    def __init__(self, url: str, *, limit_bytes: int = 1 << 62, idle_seconds: float = 30.0) -> None:
        self._files, self._root = fsspec.url_to_fs(url, use_listings_cache=False)
        self._limit_bytes = limit_bytes
        self._idle_seconds = idle_seconds
        self._drafts = f"{self._root}/incoming"

    def verify(self) -> None:
        """Write and remove a file. Raises StoreUnavailableError."""
        try:
            make_folder(self._files, self._drafts)
            probe = f"{self._drafts}/{uuid.uuid4().hex}"
            self._files.pipe_file(probe, b"")
            self._files.rm_file(probe)
        except MISTAKES:
            raise
        except Exception as error:
            # Each library of an object store has errors of its own.
            raise StoreUnavailableError(unwritable(self._files, self._root, error)) from error

    def sweep(self) -> None:
        """Remove what killed uploads left behind."""
        before = datetime.now(UTC) - _ABANDONED_AFTER
        for draft in self._begun():
            with suppress(FileNotFoundError, NotImplementedError):
                if self._files.modified(draft) < before:
                    self._files.rm_file(draft)

    def _begun(self) -> list[str]:
        """An object store has no folder that holds nothing."""
        try:
            return list(self._files.ls(self._drafts, detail=False))
        except FileNotFoundError:
            return []

    def size(self, digest: str) -> int | None:
        """In bytes."""
        try:
            return int(self._files.size(self._path(digest)))
        except FileNotFoundError:
            return None

    async def receive(self, digest: str, chunks: AsyncIterator[bytes]) -> int:
        """Write to a draft while hashing, and rename it when the digest is right."""
        draft = f"{self._drafts}/{uuid.uuid4().hex}"
        try:
            with _with_room():
                found, size = await self._write(draft, chunks)
                if found == digest:
                    await asyncio.to_thread(self._accept, draft, digest)
            if found != digest:
                raise DigestMismatchError(
                    f"The body's SHA-256 is {found}, not {digest} as the path says; nothing was "
                    "stored. Was it changed on its way?"
                )
        finally:
            await asyncio.to_thread(self._discard, draft)
        return size

    def keep(self, path: Path) -> str:
        """Store a whole file of this machine; returns its digest. Raises OSError."""
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        with path.open("rb") as file:
            self.take(digest, iter(partial(file.read, BLOCK), b""))
        return digest

    def take(self, digest: str, chunks: Iterable[bytes]) -> int:
        """Store what comes from elsewhere; returns its size.

        Raises DigestMismatchError, and keeps nothing; or OSError.
        """
        draft = f"{self._drafts}/{uuid.uuid4().hex}"
        hashing, size = hashlib.sha256(), 0
        make_folder(self._files, self._drafts)
        try:
            with self._files.open(draft, "wb") as target:
                for chunk in chunks:
                    _write_block(target, hashing, chunk)
                    size += len(chunk)
                self._flush(target)
            if hashing.hexdigest() != digest:
                raise DigestMismatchError(f"What came has another SHA-256 than {digest}.")
            self._accept(draft, digest)
        finally:
            self._discard(draft)
        return size

    def read(self, digest: str) -> Iterator[bytes]:
        """The bytes, in chunks."""
        with self._files.open(self._path(digest), "rb") as file:
            while chunk := file.read(BLOCK):
                yield chunk

    @contextmanager
    def local(self, digest: str) -> Iterator[Path]:
        """The file on this machine's disk, fetched for the while when it is kept elsewhere.

        Raises ArtifactDamagedError when its bytes are not those that came.
        """
        if self._is_local:
            path = Path(self._path(digest))
            _require_intact(path, digest)
            yield path
            return
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / digest
            self._files.get_file(self._path(digest), str(copy))
            _require_intact(copy, digest)
            yield copy

    @property
    def _is_local(self) -> bool:
        return is_local(self._files)

    def _path(self, digest: str) -> str:
        return f"{self._root}/{digest[:2]}/{digest}"

    async def _write(self, draft: str, chunks: AsyncIterator[bytes]) -> tuple[str, int]:
        hashing, size = hashlib.sha256(), 0
        file = await asyncio.to_thread(self._files.open, draft, "wb")
        try:
            async for block in blocks(chunks, self._idle_seconds):
                size += len(block)
                if size > self._limit_bytes:
                    raise ArtifactTooLargeError(
                        f"An artifact has at most {self._limit_bytes} bytes; nothing was stored. "
                        "The setting is UNDERSTUDY_ARTIFACT_LIMIT_BYTES."
                    )
                await asyncio.to_thread(_write_block, file, hashing, block)
            await asyncio.to_thread(self._flush, file)
        finally:
            await asyncio.to_thread(file.close)
        return hashing.hexdigest(), size

    def _flush(self, file: Any) -> None:
        if self._is_local:
            sync_file(file)

    def _accept(self, draft: str, digest: str) -> None:
        path = self._path(digest)
        folder = path.rpartition("/")[0]
        make_folder(self._files, folder)
        if self._is_local:
            self._files.mv(draft, path)
            sync_folder(folder)
            sync_folder(self._root)
        else:
            # Object stores can't rename; the draft is discarded in any case.
            self._files.copy(draft, path)

    def _discard(self, draft: str) -> None:
        with suppress(FileNotFoundError):
            try:
                self._files.rm_file(draft)
            except PermissionError:
                # Whoever may only add to an object store, as backups should, leaves it there.
                if self._is_local:
                    raise


def _require_intact(path: Path, digest: str) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != digest:
        structlog.stdlib.get_logger().error("artifact_damaged", digest=digest, found=found)
        raise ArtifactDamagedError(
            f"The stored file {digest} is not what it was when it came: somebody or something has "
            "changed it. Nothing of it was loaded. Restore it from a backup."
        )


@contextmanager
def _with_room() -> Iterator[None]:
    """Raises StoreFullError where the disk says that it is full."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        structlog.stdlib.get_logger().error("artifact_store_full", error=str(error))
        raise StoreFullError from error


def _write_block(file: Any, hashing: "hashlib._Hash", block: bytes) -> None:
    hashing.update(block)
    file.write(block)
