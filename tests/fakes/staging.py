"""What registering by MLflow's protocol needs, in memory."""

import hashlib
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime

from services.registry.domain.mlflow_refusals import InvalidStagedPathError, StagingFullError
from services.registry.domain.staging import StagedFile
from services.registry.ports.staging import Hints
from tests.fakes.registry import SIGNATURE, MemoryArtifacts
from understudy.contracts.signature import Signature


class MemoryStaged:
    """`ports.staging.StagedStore`."""

    def __init__(self, artifacts: MemoryArtifacts) -> None:
        self._artifacts = artifacts
        self._held: dict[tuple[str, str], tuple[datetime, bytes]] = {}

    async def receive(
        self,
        owner: str,
        path: str,
        chunks: AsyncIterator[bytes],
        most_bytes: int,
        require_room: Callable[[int], None],
    ) -> int:
        content = b"".join([chunk async for chunk in chunks])
        if len(content) > most_bytes:
            raise StagingFullError(f"There is room for {most_bytes} bytes more.")
        require_room(len(content))
        for file in self.files(owner):
            if file.path.startswith(path + "/") or path.startswith(file.path + "/"):
                raise InvalidStagedPathError("The path is a folder, or below a file.")
        self._held[owner, path] = datetime.now(UTC), content
        return len(content)

    def files(self, owner: str) -> tuple[StagedFile, ...]:
        return tuple(
            StagedFile(path, len(content))
            for (holder, path), (_, content) in sorted(self._held.items())
            if holder == owner
        )

    def read(self, owner: str, path: str) -> Iterator[bytes]:
        yield self._held[owner, path][1]

    def remove(self, owner: str, path: str) -> None:
        self._held.pop((owner, path), None)

    def keep(self, owner: str, path: str) -> str:
        content = self._held[owner, path][1]
        digest = hashlib.sha256(content).hexdigest()
        self._artifacts.files[digest] = content
        return digest

    def sweep(self, before: datetime) -> None:
        self._held = {place: held for place, held in self._held.items() if held[0] >= before}


class KnowingReader:
    """`ports.staging.SignatureReader` that always infers the same."""

    def __init__(self) -> None:
        self.asked: list[tuple[bytes, str, Hints]] = []

    def infer(self, mlmodel: bytes, reference: str, hints: Hints) -> Signature:
        self.asked.append((mlmodel, reference, hints))
        return SIGNATURE
