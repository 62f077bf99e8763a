"""Which files a caller reaches: knowing a digest opens nothing."""

from datetime import timedelta
from typing import Final

from services.registry.domain.errors import UnknownReferenceError
from services.registry.operations.reach import Clock
from services.registry.ports import ArtifactStore, CatalogueStore, UploadStore
from understudy.contracts.vocabulary import Scope
from understudy.runtime.keys import Caller

_REMEMBERED: Final = timedelta(days=7)
"""From an upload to the registration that names it."""


class Uploads:
    """Files that the caller sent, or that versions name where it may read them."""

    def __init__(
        self,
        *,
        store: UploadStore,
        artifacts: ArtifactStore,
        catalogue: CatalogueStore,
        clock: Clock,
    ) -> None:
        self._store = store
        self._artifacts = artifacts
        self._catalogue = catalogue
        self._clock = clock

    def note(self, caller: Caller, digest: str) -> None:
        """The caller sent the file, whether or not it was there: whoever sends it has it."""
        now = self._clock()
        self._store.note(digest, caller.actor, now, now - _REMEMBERED)

    def size(self, caller: Caller, digest: str) -> int | None:
        """In bytes; None whether the file is missing or out of reach."""
        size = self._artifacts.size(digest)
        return size if size is not None and self._reached(caller, digest) else None

    def require(self, caller: Caller, pointer: str, digest: str) -> None:
        """What a version to be names. Raises UnknownReferenceError."""
        if self.size(caller.wanting(Scope.READ, Scope.REGISTER), digest) is None:
            raise UnknownReferenceError(
                pointer,
                f"You sent no file {digest} of late, and no version that you reach names it; send "
                f"it first: PUT /v1/artifacts/{digest}",
            )

    def _reached(self, caller: Caller, digest: str) -> bool:
        if caller.whole:
            return True
        projects = self._catalogue.projects_using(digest)
        if any(caller.able(None, project) for project in projects):
            return True
        return self._store.noted(digest, caller.actor, self._clock() - _REMEMBERED)
