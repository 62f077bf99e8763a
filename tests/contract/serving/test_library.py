"""Versions are loaded once, whoever goes away meanwhile, and let go when nobody wants them."""

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.serving.adapters.library import ModelLibrary, tidy
from tests.fakes.serving import (
    StoredArtifacts,
    artifact_of,
    digest_of,
    eventually,
    flower_model,
    served,
)

pytestmark = pytest.mark.anyio

ARTIFACTS = [artifact_of(flower_model(seed)) for seed in range(3)]
DAY = 86_400


class SlowArtifacts(StoredArtifacts):
    """Counts downloads; each waits for the gate."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, *ARTIFACTS)
        self.gate = asyncio.Event()
        self.fetched: list[str] = []

    async def fetch_artifact(self, digest: str, folder: Path) -> Path:
        self.fetched.append(digest)
        await self.gate.wait()
        return await super().fetch_artifact(digest, folder)


@pytest.fixture
def hanging(tmp_path: Path) -> Iterator[Path]:
    """An artifact that can't be read until its other end is opened."""
    path = tmp_path / ("a" * 64)
    os.mkfifo(path)
    yield path
    with path.open("r+b", buffering=0) as pipe:
        pipe.write(b"no skops file")


async def test_a_load_goes_on_when_whoever_asked_goes_away(tmp_path: Path) -> None:
    artifacts = SlowArtifacts(tmp_path)
    library = ModelLibrary(artifacts, tmp_path, 10.0)
    version = served(1, ARTIFACTS[0])
    first = asyncio.create_task(library.load("m", version, ()))
    await asyncio.sleep(0.01)
    first.cancel()
    await asyncio.wait([first])
    artifacts.gate.set()
    assert (await library.load("m", version, ())).version == 1
    assert len(artifacts.fetched) == 1


async def test_what_is_loaded_waits_for_no_load(tmp_path: Path) -> None:
    artifacts = SlowArtifacts(tmp_path)
    library = ModelLibrary(artifacts, tmp_path, 10.0)
    artifacts.gate.set()
    await library.load("m", served(1, ARTIFACTS[0]), ())
    artifacts.gate.clear()
    others = [
        asyncio.create_task(library.load("m", served(2 + i, artifact), ()))
        for i, artifact in enumerate(ARTIFACTS)
    ]
    await asyncio.sleep(0.01)
    async with asyncio.timeout(0.5):
        assert (await library.load("m", served(1, ARTIFACTS[0]), ())).version == 1
    artifacts.gate.set()
    await asyncio.gather(*others)


async def test_a_load_that_hangs_is_waited_for_again_and_takes_no_other_along(
    tmp_path: Path, hanging: Path
) -> None:
    artifacts = StoredArtifacts(tmp_path, *ARTIFACTS)
    library = ModelLibrary(artifacts, tmp_path, 0.4)
    stuck = served(9, b"").model_copy(update={"artifact": hanging.name})
    for _ in range(5):  # more often than there are threads
        with pytest.raises(TimeoutError):
            await library.load("m", stuck, ())
    assert (await library.load("m", served(1, ARTIFACTS[0]), ())).version == 1


def test_files_stay_for_a_day_after_they_were_in_use(tmp_path: Path) -> None:
    ages = {"a" * 64: 2 * DAY, "b" * 64: 2 * DAY, "c" * 64: DAY / 2, "notes": 2 * DAY}
    ages["d" * 64 + ".77.part"] = 2 * DAY
    for name, age in ages.items():
        (tmp_path / name).write_bytes(b"")
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    tidy(tmp_path, {"a" * 64})
    assert {file.name for file in tmp_path.iterdir()} == {"a" * 64, "c" * 64, "notes"}
    assert time.time() - (tmp_path / ("a" * 64)).stat().st_mtime < 60


async def test_what_is_not_kept_is_removed_from_the_folder(tmp_path: Path) -> None:
    artifacts = StoredArtifacts(tmp_path, *ARTIFACTS)
    library = ModelLibrary(artifacts, tmp_path, 10.0)
    version = served(1, ARTIFACTS[0])
    await library.load("m", version, ())
    for artifact in ARTIFACTS:
        os.utime(tmp_path / digest_of(artifact), (time.time() - 2 * DAY,) * 2)
    library.keep([("m", version)])
    await asyncio.to_thread(
        eventually, lambda: [file.name for file in tmp_path.iterdir()] == [version.artifact], 5.0
    )
