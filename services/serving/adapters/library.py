"""Has versions ready: fetched by digest, verified, loaded and warmed in a thread, then kept."""

import asyncio
import contextlib
import os
import re
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from services.serving.adapters.loading_threads import LoadingThreads
from services.serving.adapters.runners import UNFETCHED, Files, load, wants_compiled
from services.serving.domain.scoring import Loaded
from services.serving.ports import Artifacts, ModelKey, key_of
from services.serving.settings import RunnerChoice
from understudy.contracts.registry import ServedVersion

_FETCHES_AT_ONCE: Final = 4
_LOADS_AT_ONCE: Final = 2
_TURN_SECONDS: Final = 5.0
"""A load that takes longer goes on, and the next begins beside it."""
_UNUSED_FILE_SECONDS: Final = 86_400
_ARTIFACT_FILE: Final = re.compile(r"[0-9a-f]{64}(\.[0-9]+\.part)?")


class ModelLibrary:
    """Implements `ports.Library` over a folder of artifacts.

    A load that was begun goes on when whoever asked goes away, or has waited for too long: asking
    for the same version again is waiting for the same load.
    """

    def __init__(
        self,
        artifacts: Artifacts,
        folder: Path,
        deadline_seconds: float,
        *,
        choice: RunnerChoice = RunnerChoice.AUTO,
        turn_seconds: float = _TURN_SECONDS,
    ) -> None:
        self._artifacts = artifacts
        self._folder = folder
        self._deadline_seconds = deadline_seconds
        self._choice = choice
        self._turn_seconds = turn_seconds
        self._threads = LoadingThreads()
        self._fetches = asyncio.Semaphore(_FETCHES_AT_ONCE)
        self._turns = asyncio.Semaphore(_LOADS_AT_ONCE)
        self._loaded: dict[ModelKey, Loaded] = {}
        self._under_way: dict[ModelKey, asyncio.Task[Loaded]] = {}
        self._in_thread: dict[ModelKey, asyncio.Future[Loaded]] = {}
        self._wanted_files: frozenset[str] = frozenset()
        self._tidying: asyncio.Future[None] | None = None
        # Several deployments may name one artifact: its file must not be written twice at a time.
        self._fetching: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def load(self, model: str, version: ServedVersion, trusted: Sequence[str]) -> Loaded:
        """A version that can answer."""
        key = key_of(model, version)
        if key in self._loaded:
            return self._loaded[key]
        task = self._under_way.get(key)
        if task is None:
            task = asyncio.create_task(self._have(key, version, (*trusted,)))
            self._under_way[key] = task
            task.add_done_callback(lambda done: self._note_end(key, done))
        return await asyncio.shield(task)

    def loaded(self) -> Mapping[ModelKey, Loaded]:
        """The versions in memory."""
        return self._loaded

    def unload(self, key: ModelKey) -> None:
        """Let go of a version; calls that have begun keep it until they are over."""
        self._loaded.pop(key, None)

    def keep(self, models: Sequence[tuple[str, ServedVersion]]) -> None:
        """Let go of all other versions, and of files that nobody has wanted for a day."""
        wanted = {key_of(model, version) for model, version in models}
        self._loaded = {key: loaded for key, loaded in self._loaded.items() if key in wanted}
        idle = [digest for digest, lock in self._fetching.items() if not lock.locked()]
        for digest in idle:
            del self._fetching[digest]
        files = frozenset(digest for _, version in models for digest in version.files)
        loop = asyncio.get_running_loop()
        in_use = files | self._wanted_files
        self._tidying = loop.run_in_executor(None, tidy, self._folder, in_use)
        self._wanted_files = files

    def close(self) -> None:
        """Forget loads that have not begun."""
        for task in self._under_way.values():
            task.cancel()

    async def _have(
        self, key: ModelKey, version: ServedVersion, trusted: tuple[str, ...]
    ) -> Loaded:
        future = self._in_thread.get(key)  # it hung before, and its turn is over
        if future is None:
            files = await self._fetch(version)
            async with self._turns:
                future = self._begin(key, partial(load, files, version, trusted))
                await asyncio.wait([future], timeout=self._turn_seconds)
        async with asyncio.timeout(self._deadline_seconds):
            return await asyncio.shield(future)

    def _begin(self, key: ModelKey, read: Callable[[], Loaded]) -> asyncio.Future[Loaded]:
        future = self._in_thread[key] = self._threads.run(read)
        future.add_done_callback(lambda done: self._leave_thread(key, done))
        return future

    async def _fetch(self, version: ServedVersion) -> Files:
        artifact = await self._file(version.artifact)
        if version.compiled is None or not wants_compiled(version, self._choice):
            return Files(artifact)
        try:
            return Files(artifact, await self._file(version.compiled.artifact))
        except Exception as error:  # noqa: BLE001 - scikit-learn can answer without it
            log = structlog.stdlib.get_logger()
            log.warning("compiled_unused", version=version.version, error=repr(error))
            return Files(artifact, unused=UNFETCHED)

    async def _file(self, digest: str) -> Path:
        async with (
            asyncio.timeout(self._deadline_seconds),
            self._fetching[digest],
            self._fetches,
        ):
            return await self._artifacts.fetch_artifact(digest, self._folder)

    def _leave_thread(self, key: ModelKey, future: asyncio.Future[Loaded]) -> None:
        self._in_thread.pop(key, None)
        if not future.cancelled() and future.exception() is None:
            self._loaded[key] = future.result()

    def _note_end(self, key: ModelKey, task: asyncio.Task[Loaded]) -> None:
        del self._under_way[key]
        if not task.cancelled():
            task.exception()  # whoever asked may have gone: nobody else looks


def tidy(folder: Path, in_use: Collection[str]) -> None:
    """Remove artifacts a day after the last process that used them took them up or let them go."""
    now = time.time()
    for file in folder.glob("*"):
        # Another process of this machine may tidy the same folder.
        with contextlib.suppress(FileNotFoundError):
            if file.name in in_use:
                os.utime(file)
            elif _ARTIFACT_FILE.fullmatch(file.name) and _unused(file, now):
                file.unlink()


def _unused(file: Path, now: float) -> bool:
    return now - file.stat().st_mtime > _UNUSED_FILE_SECONDS
