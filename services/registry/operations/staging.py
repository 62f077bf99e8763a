"""Files that a caller's next registration is made of: put, listed, read and deleted by path."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from services.registry.domain.staging import StagedFile, StagingLimits, require_own, require_path
from services.registry.operations.reach import Clock, not_found
from services.registry.ports.staging import StagedStore
from understudy.runtime.keys import Caller


@dataclass(eq=False, slots=True)
class _Upload:
    """One that is on its way to this process."""

    bytes: int = 0
    """That have come."""


class Staging:
    """Each caller's own files; nobody else is led to them."""

    def __init__(self, store: StagedStore, limits: StagingLimits, clock: Clock) -> None:
        self._store = store
        self._limits = limits
        self._clock = clock
        self._coming: dict[str, list[_Upload]] = {}
        """By owner."""

    async def put(self, caller: Caller, path: str, chunks: AsyncIterator[bytes]) -> int:
        """Keep a file and return its size. Whatever comes at the same time shares the room.

        Raises InvalidStagedPathError, StagingFullError or UploadStalledError.
        """
        path, owner, upload = require_own(path), caller.actor, _Upload()
        coming = self._coming.setdefault(owner, [])
        coming.append(upload)
        try:
            held = await asyncio.to_thread(self._store.files, owner)
            room = self._limits.room(held, path, coming=len(coming) - 1)
            left = self._limits.left(held, path)

            async def counted() -> AsyncIterator[bytes]:
                async for chunk in chunks:
                    upload.bytes += len(chunk)
                    if sum(one.bytes for one in coming) > left:
                        raise self._limits.full(len(held) + len(coming) - 1)
                    yield chunk

            def require_room(size: int) -> None:
                now = self._store.files(owner)
                if size > self._limits.room(now, path):
                    raise self._limits.full(len(now))

            return await self._store.receive(owner, path, counted(), room, require_room)
        finally:
            coming.remove(upload)
            if not coming:
                self._coming.pop(owner, None)

    def sweep(self) -> None:
        """Delete what has waited for too long, whoever put it."""
        self._store.sweep(self._clock() - self._limits.age)

    def files(self, caller: Caller, folder: str = "") -> tuple[StagedFile, ...]:
        """All that are in a folder, however deep."""
        held = self._store.files(caller.actor)
        if not folder.strip("/"):
            return held
        below = require_path(folder) + "/"
        return tuple(file for file in held if file.path.startswith(below))

    def find(self, caller: Caller, path: str) -> StagedFile:
        """Raises NotFoundError."""
        path = require_path(path)
        for file in self._store.files(caller.actor):
            if file.path == path:
                return file
        raise not_found("file", path)

    def read(self, caller: Caller, file: StagedFile) -> Iterator[bytes]:
        """The bytes of a file that was found."""
        return self._store.read(caller.actor, file.path)

    def remove(self, caller: Caller, path: str) -> None:
        """Delete a file, or all that is in a folder; nothing there is no error."""
        path = require_own(path)
        for file in self._store.files(caller.actor):
            if file.path == path or file.path.startswith(path + "/"):
                self._store.remove(caller.actor, file.path)

    def keep(self, caller: Caller, file: StagedFile) -> str:
        """Have it among the artifacts; returns its digest."""
        return self._store.keep(caller.actor, file.path)
