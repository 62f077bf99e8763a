"""Versions are loaded once, whoever goes away meanwhile, and let go when nobody wants them."""

import asyncio
import gc
import os
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from services.serving.adapters.library import ModelLibrary, tidy
from services.serving.adapters.loading_threads import MOST_THREADS, LoadsHangError
from services.serving.adapters.runners import alike
from services.serving.domain.warming import probe_rows
from services.serving.ports import key_of
from services.serving.settings import RunnerChoice
from tests.fakes.serving import (
    FLOWERS,
    StoredArtifacts,
    artifact_of,
    digest_of,
    eventually,
    flower_model,
    served,
)
from understudy.contracts.registry import Compiled
from understudy.contracts.vocabulary import CompiledKind
from understudy.inference.compiling import CompiledModel, compile_model
from understudy.inference.scored import Scored

pytestmark = pytest.mark.anyio

ARTIFACTS = [artifact_of(flower_model(seed)) for seed in range(3)]
DAY = 86_400


def onnx_of(model: object) -> bytes:
    found = compile_model(model, FLOWERS, probe_rows(FLOWERS, 100))
    assert isinstance(found, CompiledModel)
    assert found.kind is CompiledKind.ONNX
    return found.content


async def no_thread_loads() -> None:
    def threads() -> list[threading.Thread]:
        return [thread for thread in threading.enumerate() if thread.name == "loading"]

    await asyncio.to_thread(eventually, lambda: not threads(), 5.0)
    await asyncio.sleep(0)


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


async def test_loads_that_hang_hold_up_no_other_and_are_counted_at_last(tmp_path: Path) -> None:
    artifacts = StoredArtifacts(tmp_path, *ARTIFACTS)
    library = ModelLibrary(artifacts, tmp_path, 0.2, turn_seconds=0.01)
    pipes = [tmp_path / f"{number:064x}" for number in range(MOST_THREADS)]
    for pipe in pipes[:-1]:
        os.mkfifo(pipe)
    stuck = [served(9, b"").model_copy(update={"artifact": pipe.name}) for pipe in pipes]
    for version in stuck[:-1]:
        with pytest.raises(TimeoutError):
            await library.load("m", version, ())
    assert (await library.load("m", served(1, ARTIFACTS[0]), ())).version == 1
    os.mkfifo(pipes[-1])
    with pytest.raises(TimeoutError):
        await library.load("m", stuck[-1], ())
    with pytest.raises(LoadsHangError):
        await library.load("m", served(2, ARTIFACTS[1]), ())
    for pipe in pipes:
        with pipe.open("r+b", buffering=0) as end:
            end.write(b"no skops file")
    await no_thread_loads()
    assert (await library.load("m", served(2, ARTIFACTS[1]), ())).version == 2


async def test_an_unloaded_version_is_freed_at_once_and_loaded_again(tmp_path: Path) -> None:
    library = ModelLibrary(StoredArtifacts(tmp_path, *ARTIFACTS), tmp_path, 10.0)
    version = served(1, ARTIFACTS[0])
    first = await library.load("m", version, ())
    assert first.size_bytes > 0
    runner = weakref.ref(first.runner)
    await no_thread_loads()
    gc.disable()  # a model that waited for the collector would be in memory for minutes
    try:
        library.unload(key_of("m", version))
        del first
        assert runner() is None
    finally:
        gc.enable()
    assert (await library.load("m", version, ())).version == 1


@pytest.mark.parametrize(
    ("damage", "name", "unused"),
    [
        ("none", "onnx", None),
        ("garbage", "sklearn", "unreadable"),
        ("another model", "sklearn", "disagrees"),
        ("missing", "sklearn", "unfetched"),
    ],
)
async def test_a_compiled_twin_answers_while_it_agrees(
    tmp_path: Path, damage: str, name: str, unused: str | None
) -> None:
    seed = 1 if damage == "another model" else 0
    content = b"garbage" if damage == "garbage" else onnx_of(flower_model(seed, 3.0 * seed))
    artifacts = StoredArtifacts(tmp_path, ARTIFACTS[0], content)
    digest = "0" * 64 if damage == "missing" else digest_of(content)
    twin = Compiled(
        kind=CompiledKind.ONNX,
        artifact=digest,
        precision="float64",
        rows=1,
        difference=0.0,
        tolerance=1e-6,
        speedup=1.0,
    )
    version = served(1, ARTIFACTS[0]).model_copy(update={"compiled": twin})
    loaded = await ModelLibrary(artifacts, tmp_path, 10.0).load("m", version, ())
    assert loaded.runner_name.partition("+")[0] == name
    assert loaded.compiled_unused == unused
    plain = ModelLibrary(artifacts, tmp_path, 10.0, choice=RunnerChoice.SKLEARN)
    assert (await plain.load("m", version, ())).runner_name == "sklearn"


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


def test_a_tie_that_rounding_decides_is_no_disagreement() -> None:
    even = np.array([[0.5, 0.5], [0.25, 0.75]])
    original = Scored(np.array([0.0, 1.0]), even)
    assert alike(Scored(np.array([1.0, 1.0]), even), original, 1e-6)
    assert not alike(Scored(np.array([0.0, 0.0]), even), original, 1e-6)
    assert not alike(Scored(np.array([0.0, 1.0]), even + 1e-3), original, 1e-6)
