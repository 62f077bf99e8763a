"""Files that a caller's next registration is made of: put, listed, read and deleted by path."""

from collections.abc import AsyncIterator, Iterator

from services.registry.domain.staging import StagedFile, StagingLimits, require_own, require_path
from services.registry.operations.reach import Clock, not_found
from services.registry.ports.staging import StagedStore
from understudy.runtime.keys import Caller


class Staging:
    """Each caller's own files; nobody else is led to them."""

    def __init__(self, store: StagedStore, limits: StagingLimits, clock: Clock) -> None:
        self._store = store
        self._limits = limits
        self._clock = clock

    def room(self, caller: Caller, path: str) -> int:
        """How many bytes may come for a path, once what is too old is gone.

        Raises InvalidStagedPathError or StagingFullError.
        """
        path = require_own(path)
        self._store.sweep(self._clock() - self._limits.age)
        return self._limits.room(self._store.files(caller.actor), path)

    async def put(
        self, caller: Caller, path: str, chunks: AsyncIterator[bytes], most_bytes: int
    ) -> int:
        """Keep a file whose room was asked for; returns its size."""
        return await self._store.receive(caller.actor, require_own(path), chunks, most_bytes)

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
