"""Files that find no room, and files that were changed where they are kept."""

import errno
import hashlib
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.local import LocalFileSystem

from services.registry.adapters.artifact_files import ArtifactFiles
from services.registry.domain.artifact_refusals import ArtifactDamagedError, StoreFullError

pytestmark = pytest.mark.anyio

CONTENT = b"x" * 100_000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class FullFile(io.FileIO):
    """Takes a few bytes, and then there is no room."""

    def write(self, content: Any, /) -> int:
        if self.tell() + len(content) > 50_000:
            super().write(bytes(content[:1_000]))
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(content)


class FullDisk(LocalFileSystem):  # type: ignore[misc]  # fsspec has no types
    """A local disk of which little is left."""

    def open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        return FullFile(path, "w") if mode == "wb" else super().open(path, mode, **options)


async def sent(content: bytes = CONTENT) -> AsyncIterator[bytes]:
    yield content[: len(content) // 2]
    yield content[len(content) // 2 :]


def kept_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    files = ArtifactFiles(tmp_path.as_uri())
    files.verify()
    files._files = FullDisk()
    with pytest.raises(StoreFullError, match="no room") as caught:
        await files.receive(DIGEST, sent())
    assert (caught.value.fault, caught.value.retry_after) == ("unavailable", 60.0)
    assert kept_in(tmp_path) == []
    assert files.size(DIGEST) is None
    small = b"small"
    assert await files.receive(hashlib.sha256(small).hexdigest(), sent(small)) == 5


async def test_a_file_that_was_changed_in_the_store_is_not_handed_out(tmp_path: Path) -> None:
    files = ArtifactFiles(tmp_path.as_uri())
    files.verify()
    await files.receive(DIGEST, sent())
    with files.local(DIGEST) as path:
        assert path.read_bytes() == CONTENT
    path.write_bytes(b"y" + CONTENT[1:])
    with pytest.raises(ArtifactDamagedError, match=DIGEST), files.local(DIGEST):
        pytest.fail("it was handed out")


async def test_the_same_of_a_store_elsewhere() -> None:
    files = ArtifactFiles("memory://artifacts-damaged")
    files.verify()
    await files.receive(DIGEST, sent())
    files._files.pipe_file(files._path(DIGEST), b"y" + CONTENT[1:])
    with pytest.raises(ArtifactDamagedError, match=DIGEST), files.local(DIGEST):
        pytest.fail("it was handed out")
