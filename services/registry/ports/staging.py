"""Where files wait for a registration, and who infers a signature from them."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.registry.domain.staging import StagedFile
from understudy.contracts.signature import Signature


class StagedStore(Protocol):
    """Files by owner and path; nobody but their owner is led to them."""

    async def receive(
        self,
        owner: str,
        path: str,
        chunks: AsyncIterator[bytes],
        most_bytes: int,
        require_room: Callable[[int], None],
    ) -> int:
        """Keep an upload, instead of what was there, and return its size.

        `require_room` is asked of the size once more before it is kept, with no other file being
        kept meanwhile, and raises StagingFullError. Processes beside this one may keep some
        meanwhile. Nothing changes when it is refused. Raises InvalidStagedPathError where the path
        is a folder, or below a file; StagingFullError; or UploadStalledError.
        """

    def files(self, owner: str) -> tuple[StagedFile, ...]:
        """All of an owner's, by path."""

    def read(self, owner: str, path: str) -> Iterator[bytes]:
        """The bytes of one that is there, in chunks."""

    def remove(self, owner: str, path: str) -> None:
        """Delete one, if it is there."""

    def keep(self, owner: str, path: str) -> str:
        """Have one that is there among the artifacts; returns its digest."""

    def sweep(self, before: datetime) -> None:
        """Delete what came before, whoever owns it."""


@dataclass(frozen=True, slots=True)
class Hints:
    """What a person says of a model, so that its signature can be inferred."""

    target: str | None = None
    time_column: str | None = None
    legal_ranges: bool = False
    """Take the sample's ranges for the legal ones."""


class SignatureReader(Protocol):
    """Infers signatures from what nobody trusts yet."""

    def infer(self, mlmodel: bytes, reference: str, hints: Hints) -> Signature:
        """From an `MLmodel` file's signature and a reference sample.

        Raises SignatureUnreadableError, InspectionFailedError or InspectionBusyError.
        """


@dataclass(frozen=True, slots=True)
class Sourcing:
    """What registering by MLflow's protocol needs from outside."""

    staged: StagedStore
    reader: SignatureReader
