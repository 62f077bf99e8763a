"""Artifacts: uploaded before a version names them, downloaded by those who serve it."""

from collections.abc import AsyncIterator, Iterator

from services.registry.operations.reach import not_found
from services.registry.ports import ArtifactStore, CatalogueStore, Instruments
from understudy.runtime.keys import Caller


class Files:
    """Content-addressed files; a limited key reads those that its project's versions name."""

    def __init__(
        self, artifacts: ArtifactStore, catalogue: CatalogueStore, instruments: Instruments
    ) -> None:
        self._artifacts = artifacts
        self._catalogue = catalogue
        self._instruments = instruments

    async def upload(self, digest: str, chunks: AsyncIterator[bytes]) -> int:
        """Keep the bytes under their digest; returns how many there are."""
        size = await self._artifacts.receive(digest, chunks)
        self._instruments.stored(size)
        return size

    def size(self, caller: Caller, digest: str) -> int:
        """Raises NotFoundError."""
        size = self._artifacts.size(digest)
        if size is None or not self._reached(caller, digest):
            raise not_found("artifact", digest)
        return size

    def read(self, digest: str) -> Iterator[bytes]:
        """The bytes of a file whose size was asked for before."""
        return self._artifacts.read(digest)

    def _reached(self, caller: Caller, digest: str) -> bool:
        if caller.whole:
            return True
        projects = self._catalogue.projects_using(digest)
        return any(caller.able(None, project) for project in projects)
