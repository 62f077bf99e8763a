"""Files that wait for a registration: on a disk, in an object store's manner, and in memory."""

import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest

from services.registry.adapters.artifact_files import ArtifactFiles
from services.registry.adapters.staged_files import StagedFiles
from services.registry.domain.errors import UploadStalledError
from services.registry.domain.mlflow_refusals import InvalidStagedPathError, StagingFullError
from services.registry.domain.staging import StagedFile, StagingLimits
from services.registry.operations.staging import Staging
from services.registry.ports.staging import StagedStore
from tests.fakes.registry import MemoryArtifacts
from tests.fakes.staging import MemoryStaged
from understudy.contracts.vocabulary import Scope
from understudy.runtime.keys import Caller, Grant

pytestmark = pytest.mark.anyio

PLENTY = 1_000_000
ANN = Caller("ann", (Grant(frozenset({Scope.REGISTER})),))


@dataclass(frozen=True, slots=True)
class Staged:
    store: StagedStore
    artifact: Callable[[str], bytes]
    """Of a digest."""


@pytest.fixture(params=["memory", "disk", "object store"])
def staged(request: pytest.FixtureRequest, tmp_path: Path) -> Staged:
    if request.param == "memory":
        held = MemoryArtifacts()
        return Staged(MemoryStaged(held), lambda digest: held.files[digest])
    disk = request.param == "disk"
    url = tmp_path.as_uri() if disk else f"memory://{uuid.uuid4().hex}"
    files = ArtifactFiles(url)
    store = StagedFiles(url, files)
    return Staged(store, lambda digest: b"".join(files.read(digest)))


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def anything(_size: int) -> None:
    """There is room for it."""


async def put(staged: Staged, path: str, content: bytes = b"x", owner: str = "ann") -> int:
    return await staged.store.receive(owner, path, chunks(content), PLENTY, anything)


async def test_files_are_their_owners(staged: Staged) -> None:
    assert await put(staged, "a/model.skops", b"123") == 3
    await put(staged, "a/b c/é.parquet", b"4567")
    await put(staged, "a/model.skops", b"other", owner="user:bob")
    assert staged.store.files("ann") == (
        StagedFile("a/b c/é.parquet", 4),
        StagedFile("a/model.skops", 3),
    )
    assert staged.store.files("nobody") == ()
    assert b"".join(staged.store.read("ann", "a/model.skops")) == b"123"


async def test_a_file_comes_instead_of_the_one_before(staged: Staged) -> None:
    await put(staged, "a", b"1")
    await put(staged, "a", b"22")
    assert b"".join(staged.store.read("ann", "a")) == b"22"
    assert len(staged.store.files("ann")) == 1


async def test_what_is_too_large_changes_nothing(staged: Staged) -> None:
    await put(staged, "a", b"1")
    with pytest.raises(StagingFullError):
        await staged.store.receive("ann", "a", chunks(b"12", b"34"), 3, anything)
    assert b"".join(staged.store.read("ann", "a")) == b"1"


async def test_room_is_asked_for_again_before_it_is_kept(staged: Staged) -> None:
    asked: list[int] = []

    def none_left(size: int) -> None:
        asked.append(size)
        raise StagingFullError("full")

    await put(staged, "a", b"1")
    with pytest.raises(StagingFullError):
        await staged.store.receive("ann", "a", chunks(b"12", b"34"), PLENTY, none_left)
    assert asked == [4]
    assert b"".join(staged.store.read("ann", "a")) == b"1"


@dataclass(slots=True)
class Slow:
    """An upload in two pieces, the second of which waits until it is told to come."""

    pieces: tuple[bytes, bytes]
    begun: anyio.Event = field(default_factory=anyio.Event)
    go_on: anyio.Event = field(default_factory=anyio.Event)

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self.pieces[0]
        self.begun.set()
        await self.go_on.wait()
        yield self.pieces[1]


def staging_of(store: StagedStore, *, files: int = 10) -> Staging:
    limits = StagingLimits(files, 1_000, 100, timedelta(hours=1))
    return Staging(store, limits, lambda: datetime.now(UTC))


async def test_uploads_at_the_same_time_share_the_room(staged: Staged) -> None:
    staging, first = staging_of(staged.store), Slow((b"x" * 50, b"x" * 10))
    async with anyio.create_task_group() as group:
        group.start_soon(staging.put, ANN, "a", first.chunks())
        await first.begun.wait()
        with pytest.raises(StagingFullError):
            await staging.put(ANN, "b", chunks(b"y" * 51))
        assert await staging.put(ANN, "c", chunks(b"z" * 40)) == 40
        first.go_on.set()
    assert [file.path for file in staged.store.files("ann")] == ["a", "c"]


async def test_what_was_kept_meanwhile_takes_room(staged: Staged) -> None:
    staging, first = staging_of(staged.store), Slow((b"x", b"x" * 60))

    async def refused() -> None:
        with pytest.raises(StagingFullError):
            await staging.put(ANN, "a", first.chunks())

    async with anyio.create_task_group() as group:
        group.start_soon(refused)
        await first.begun.wait()
        assert await staging.put(ANN, "b", chunks(b"y" * 60)) == 60
        first.go_on.set()
    assert [file.path for file in staged.store.files("ann")] == ["b"]


async def test_uploads_on_their_way_are_files_too(staged: Staged) -> None:
    staging, first = staging_of(staged.store, files=1), Slow((b"x", b"x"))
    async with anyio.create_task_group() as group:
        group.start_soon(staging.put, ANN, "a", first.chunks())
        await first.begun.wait()
        with pytest.raises(StagingFullError, match="1 files of yours"):
            await staging.put(ANN, "b", chunks(b"y"))
        first.go_on.set()
    assert await staging.put(ANN, "a", chunks(b"other")) == 5


@pytest.mark.parametrize("path", ["a", "a/b/c"])
async def test_a_path_is_a_file_or_a_folder(staged: Staged, path: str) -> None:
    await put(staged, "a/b")
    with pytest.raises(InvalidStagedPathError):
        await put(staged, path)
    assert staged.store.files("ann") == (StagedFile("a/b", 1),)


async def test_a_file_is_kept_as_an_artifact(staged: Staged) -> None:
    await put(staged, "a", b"bytes")
    digest = staged.store.keep("ann", "a")
    assert staged.store.keep("ann", "a") == digest
    assert staged.artifact(digest) == b"bytes"


async def test_files_are_deleted_and_swept(staged: Staged) -> None:
    await put(staged, "a")
    await put(staged, "b", owner="bob")
    staged.store.remove("ann", "a")
    staged.store.remove("ann", "a")
    assert staged.store.files("ann") == ()
    staged.store.sweep(datetime.now(UTC) - timedelta(hours=1))
    assert len(staged.store.files("bob")) == 1
    staged.store.sweep(datetime.now(UTC) + timedelta(hours=1))
    assert staged.store.files("bob") == ()


async def test_an_upload_that_stalls_leaves_nothing(tmp_path: Path) -> None:
    async def stalling() -> AsyncIterator[bytes]:
        yield b"begun"
        await anyio.sleep(30)

    files = ArtifactFiles(tmp_path.as_uri())
    store = StagedFiles(tmp_path.as_uri(), files, idle_seconds=0.05)
    with pytest.raises(UploadStalledError):
        await store.receive("ann", "a", stalling(), PLENTY, anything)
    assert store.files("ann") == ()
    assert list((tmp_path / "incoming").iterdir()) == []
