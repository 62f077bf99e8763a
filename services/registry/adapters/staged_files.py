"""Files that wait for a registration, in a folder that fsspec opens by URL, by owner and path.

Below the artifacts' folder, so that all replicas see them.
"""

import asyncio
import hashlib
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import fsspec

from services.registry.adapters.artifact_files import ArtifactFiles
from services.registry.adapters.incoming import BLOCK, blocks
from services.registry.domain.mlflow_refusals import InvalidStagedPathError, StagingFullError
from services.registry.domain.staging import StagedFile
from understudy.runtime.folders import is_local, make_folder

_CHANGED: Final = ("mtime", "LastModified", "last_modified", "created")
"""When a file was written, in the words of each file system."""


class StagedFiles:
    """Implements `ports.staging.StagedStore`."""

    def __init__(self, url: str, artifacts: ArtifactFiles, *, idle_seconds: float = 30.0) -> None:
        self._files, root = fsspec.url_to_fs(url, use_listings_cache=False)
        self._root = f"{root}/staged"
        self._drafts = f"{root}/incoming"
        self._artifacts = artifacts
        self._idle_seconds = idle_seconds
        self._accepting = threading.Lock()

    async def receive(
        self,
        owner: str,
        path: str,
        chunks: AsyncIterator[bytes],
        most_bytes: int,
        require_room: Callable[[int], None],
    ) -> int:
        """Write to a draft, and rename it when it is whole."""
        draft = f"{self._drafts}/{uuid.uuid4().hex}"
        await asyncio.to_thread(make_folder, self._files, self._drafts)
        try:
            size = await self._write(draft, chunks, most_bytes)
            place = self._path(owner, path)
            await asyncio.to_thread(self._accept, draft, place, partial(require_room, size))
        finally:
            await asyncio.to_thread(self._discard, draft)
        return size

    def files(self, owner: str) -> tuple[StagedFile, ...]:
        """By path."""
        folder = f"{self._root}/{_folder(owner)}"
        found = self._found(folder)
        return tuple(
            StagedFile(path.removeprefix(folder).lstrip("/"), int(found[path]["size"]))
            for path in sorted(found)
        )

    def read(self, owner: str, path: str) -> Iterator[bytes]:
        """In chunks."""
        with self._files.open(self._path(owner, path), "rb") as file:
            while chunk := file.read(BLOCK):
                yield chunk

    def remove(self, owner: str, path: str) -> None:
        """Delete one."""
        self._discard(self._path(owner, path))

    def keep(self, owner: str, path: str) -> str:
        """Read twice: artifacts are named before they come."""
        hashing = hashlib.sha256()
        for chunk in self.read(owner, path):
            hashing.update(chunk)
        digest = hashing.hexdigest()
        if self._artifacts.size(digest) is None:
            self._artifacts.take(digest, self.read(owner, path))
        return digest

    def sweep(self, before: datetime) -> None:
        """Delete what is older; empty folders do no harm."""
        for path, details in self._found(self._root).items():
            if _changed(details) < before:
                self._discard(path)

    def _found(self, folder: str) -> dict[str, Any]:
        with suppress(FileNotFoundError):
            return dict(self._files.find(folder, detail=True))
        return {}

    def _path(self, owner: str, path: str) -> str:
        return f"{self._root}/{_folder(owner)}/{path}"

    async def _write(self, draft: str, chunks: AsyncIterator[bytes], most_bytes: int) -> int:
        size = 0
        file = await asyncio.to_thread(self._files.open, draft, "wb")
        try:
            async for block in blocks(chunks, self._idle_seconds):
                size += len(block)
                if size > most_bytes:
                    raise StagingFullError(
                        f"Files that wait for a registration have room for {most_bytes} bytes "
                        "more; nothing was stored."
                    )
                await asyncio.to_thread(file.write, block)
        finally:
            await asyncio.to_thread(file.close)
        return size

    def _accept(self, draft: str, path: str, require_room: Callable[[], None]) -> None:
        with self._accepting, _placing():
            require_room()
            local = is_local(self._files)
            if not local and any(map(self._files.isfile, self._folders_above(path))):
                raise NotADirectoryError(path)
            make_folder(self._files, path.rpartition("/")[0])
            if self._files.isdir(path):
                raise IsADirectoryError(path)
            if local:
                self._files.mv(draft, path)
            else:
                self._files.copy(draft, path)

    def _folders_above(self, path: str) -> Iterator[str]:
        """Within the owner's: an object store lets a file be one."""
        owners = self._root.count("/") + 1
        parts = path.split("/")
        for end in range(owners + 2, len(parts)):
            yield "/".join(parts[:end])

    def _discard(self, path: str) -> None:
        with suppress(FileNotFoundError, NotADirectoryError):
            self._files.rm_file(path)


@contextmanager
def _placing() -> Iterator[None]:
    try:
        yield
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise InvalidStagedPathError(
            "The path is a folder, or below a file, among those that wait already."
        ) from error


def _folder(owner: str) -> str:
    """Owners' names hold characters that file systems mind."""
    return hashlib.sha256(owner.encode()).hexdigest()[:32]


def _changed(details: dict[str, Any]) -> datetime:
    found = next((details[name] for name in _CHANGED if details.get(name)), None)
    if isinstance(found, datetime):
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    # What does not say when it came is not swept.
    return datetime.now(UTC) if found is None else datetime.fromtimestamp(float(found), UTC)
