"""Artifacts: uploaded before a version names them, downloaded by those who serve it."""

import asyncio
from collections.abc import AsyncIterator, Iterator

from services.registry.operations.reach import not_found
from services.registry.operations.uploads import Uploads
from services.registry.ports import ArtifactStore, Instruments
from understudy.runtime.keys import Caller


class Files:
    """Content-addressed files; a limited key reads those that its project's versions name."""

    def __init__(
        self, artifacts: ArtifactStore, uploads: Uploads, instruments: Instruments
    ) -> None:
        self._artifacts = artifacts
        self._uploads = uploads
        self._instruments = instruments

    async def upload(self, caller: Caller, digest: str, chunks: AsyncIterator[bytes]) -> int:
        """Keep the bytes under their digest; returns how many there are."""
        size = await self._artifacts.receive(digest, chunks)
        await asyncio.to_thread(self._uploads.note, caller, digest)
        self._instruments.stored(size)
        return size

    def size(self, caller: Caller, digest: str) -> int:
        """Raises NotFoundError."""
        size = self._uploads.size(caller, digest)
        if size is None:
            raise not_found("artifact", digest)
        return size

    def read(self, digest: str) -> Iterator[bytes]:
        """The bytes of a file whose size was asked for before."""
        return self._artifacts.read(digest)
