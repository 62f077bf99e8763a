"""Files by digest: the folder and the fake do the same; the folder keeps nothing half-done."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.registry.adapters.artifact_files import ArtifactFiles
from services.registry.domain.errors import (
    ArtifactTooLargeError,
    DigestMismatchError,
    StoreUnavailableError,
    UploadStalledError,
)
from services.registry.ports import ArtifactStore
from tests.fakes.object_stores import OBJECT_STORES, fresh_folder
from tests.fakes.registry import MemoryArtifacts

pytestmark = pytest.mark.anyio

CONTENT = b"0123456789" * 200_000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


async def sent(content: bytes, *, stall: bool = False) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 65_536):
        yield content[start : start + 65_536]
    if stall:
        await asyncio.sleep(60)


def folder_of(path: Path, limit_bytes: int = 4_000_000) -> ArtifactFiles:
    files = ArtifactFiles(path.as_uri(), limit_bytes=limit_bytes, idle_seconds=0.05)
    files.verify()
    return files


def kept(path: Path) -> list[str]:
    return [held.name for held in path.rglob("*") if held.is_file()]


@pytest.fixture(params=["memory", "folder", "memory-url", *OBJECT_STORES])
def artifacts(request: pytest.FixtureRequest, tmp_path: Path) -> ArtifactStore:
    if request.param == "folder":
        return folder_of(tmp_path)
    if request.param in {"memory-url", *OBJECT_STORES}:
        url = f"memory://{tmp_path}" if request.param == "memory-url" else fresh_folder()
        files = ArtifactFiles(url, limit_bytes=4_000_000, idle_seconds=0.05)
        files.verify()
        files.sweep()
        return files
    return MemoryArtifacts()


async def test_what_went_in_comes_out(artifacts: ArtifactStore) -> None:
    assert artifacts.size(DIGEST) is None
    assert await artifacts.receive(DIGEST, sent(CONTENT)) == len(CONTENT)
    assert artifacts.size(DIGEST) == len(CONTENT)
    assert b"".join(artifacts.read(DIGEST)) == CONTENT
    assert await artifacts.receive(DIGEST, sent(CONTENT)) == len(CONTENT)


async def test_other_bytes_are_refused(artifacts: ArtifactStore) -> None:
    with pytest.raises(DigestMismatchError):
        await artifacts.receive(DIGEST, sent(CONTENT[:-1]))
    assert artifacts.size(DIGEST) is None


async def test_an_empty_file_is_a_file(artifacts: ArtifactStore) -> None:
    empty = hashlib.sha256(b"").hexdigest()
    assert await artifacts.receive(empty, sent(b"")) == 0
    assert artifacts.size(empty) == 0


async def test_nothing_stays_behind(tmp_path: Path) -> None:
    files = folder_of(tmp_path, limit_bytes=100_000)
    with pytest.raises(ArtifactTooLargeError):
        await files.receive(DIGEST, sent(CONTENT))
    with pytest.raises(DigestMismatchError):
        await files.receive(DIGEST, sent(b"other"))
    with pytest.raises(UploadStalledError):
        await files.receive(DIGEST, sent(b"half", stall=True))
    upload = asyncio.create_task(folder_of(tmp_path).receive(DIGEST, sent(b"x", stall=True)))
    await asyncio.sleep(0.02)
    upload.cancel()
    with pytest.raises(asyncio.CancelledError):
        await upload
    assert kept(tmp_path) == []


async def test_a_file_has_its_name_when_it_is_whole(tmp_path: Path) -> None:
    files = folder_of(tmp_path)
    await files.receive(DIGEST, sent(CONTENT))
    assert kept(tmp_path) == [DIGEST]
    with files.local(DIGEST) as path:
        assert path.read_bytes() == CONTENT


async def test_a_file_kept_elsewhere_is_fetched_for_the_while(tmp_path: Path) -> None:
    files = ArtifactFiles(f"memory://{tmp_path}/x", limit_bytes=4_000_000, idle_seconds=1)
    files.verify()
    await files.receive(DIGEST, sent(CONTENT))
    with files.local(DIGEST) as path:
        assert path.read_bytes() == CONTENT
    assert not path.exists()


def test_a_folder_that_cannot_be_is_told_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(StoreUnavailableError):
        folder_of(tmp_path / "taken")
