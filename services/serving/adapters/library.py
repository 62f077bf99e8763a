"""Has versions ready: fetched by digest, verified, loaded and warmed in a thread, then kept."""

import asyncio
import contextlib
import os
import re
import time
from collections import defaultdict
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from services.serving.domain.rows import Plan
from services.serving.domain.scoring import UNKNOWN_COST, Cost, Loaded
from services.serving.domain.warming import has_example, probe_rows
from services.serving.ports import Artifacts
from understudy.contracts.registry import ServedVersion
from understudy.inference.estimators import SklearnRunner, read_model
from understudy.inference.rows import Rows
from understudy.inference.scored import Runner

_PROBE_ROWS: Final = 64
_CALLS: Final = 5
_LOADS_AT_ONCE: Final = 2
# Beyond those that are waited for: loads that hang keep a thread each.
_THREADS: Final = 2 * _LOADS_AT_ONCE
_UNUSED_FILE_SECONDS: Final = 86_400
_ARTIFACT_FILE: Final = re.compile(r"[0-9a-f]{64}(\.[0-9]+\.part)?")

Kept = tuple[str, int, str]


class ModelLibrary:
    """Implements `ports.Library` over a folder of artifacts.

    A load that was begun goes on when whoever asked goes away, or has waited for too long: asking
    for the same version again is waiting for the same load.
    """

    def __init__(self, artifacts: Artifacts, folder: Path, deadline_seconds: float) -> None:
        self._artifacts = artifacts
        self._folder = folder
        self._deadline_seconds = deadline_seconds
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="loading")
        self._turns = asyncio.Semaphore(_LOADS_AT_ONCE)
        self._loaded: dict[Kept, Loaded] = {}
        self._under_way: dict[Kept, asyncio.Task[Loaded]] = {}
        self._in_thread: dict[Kept, asyncio.Future[Loaded]] = {}
        self._wanted_files: frozenset[str] = frozenset()
        # Several deployments may name one artifact: its file must not be written twice at a time.
        self._fetching: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def load(self, model: str, version: ServedVersion, trusted: Sequence[str]) -> Loaded:
        """A version that can answer."""
        key = _key(model, version)
        if key in self._loaded:
            return self._loaded[key]
        task = self._under_way.get(key)
        if task is None:
            task = asyncio.create_task(self._have(key, version, trusted))
            self._under_way[key] = task
            task.add_done_callback(lambda done: self._note_end(key, done))
        return await asyncio.shield(task)

    def keep(self, models: Sequence[tuple[str, ServedVersion]]) -> None:
        """Let go of all other versions, and of files that nobody has wanted for a day."""
        wanted = {_key(model, version) for model, version in models}
        self._loaded = {key: loaded for key, loaded in self._loaded.items() if key in wanted}
        idle = [digest for digest, lock in self._fetching.items() if not lock.locked()]
        for digest in idle:
            del self._fetching[digest]
        files = frozenset(artifact for _, _, artifact in wanted)
        self._threads.submit(tidy, self._folder, files | self._wanted_files)
        self._wanted_files = files

    def close(self) -> None:
        """Forget loads that have not begun."""
        for task in self._under_way.values():
            task.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _have(self, key: Kept, version: ServedVersion, trusted: Sequence[str]) -> Loaded:
        if key in self._in_thread:  # it hung before, and its turn is over
            return await self._in_time(self._in_thread[key])
        async with self._turns:
            async with asyncio.timeout(self._deadline_seconds), self._fetching[version.artifact]:
                path = await self._artifacts.fetch_artifact(version.artifact, self._folder)
            loop = asyncio.get_running_loop()
            future = loop.run_in_executor(self._threads, _load, path, version, trusted)
            self._in_thread[key] = future
            future.add_done_callback(lambda done: self._leave_thread(key, done))
            return await self._in_time(future)

    async def _in_time(self, future: asyncio.Future[Loaded]) -> Loaded:
        async with asyncio.timeout(self._deadline_seconds):
            return await asyncio.shield(future)

    def _leave_thread(self, key: Kept, future: asyncio.Future[Loaded]) -> None:
        self._in_thread.pop(key, None)
        if not future.cancelled() and future.exception() is None:
            self._loaded[key] = future.result()

    def _note_end(self, key: Kept, task: asyncio.Task[Loaded]) -> None:
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


def _key(model: str, version: ServedVersion) -> Kept:
    return model, version.version, version.artifact


def _load(path: Path, version: ServedVersion, trusted: Sequence[str]) -> Loaded:
    signature = version.signature
    probe = probe_rows(signature, _PROBE_ROWS)
    runner = SklearnRunner(read_model(path, trusted), signature, probe)
    cost = _warm(runner, probe, must_answer=has_example(signature))
    return Loaded(version.version, signature, Plan(signature), runner, cost)


def _warm(runner: Runner, probe: Rows, *, must_answer: bool) -> Cost:
    """Call until caches are filled, and measure: the quickest call is the steady one.

    Raises when the model can't answer the example; other drawn rows may be too much for it.
    """
    try:
        one = min(_seconds(runner, probe.part(0, 1)) for _ in range(_CALLS))
    except Exception:
        if must_answer:
            raise
        return UNKNOWN_COST
    try:
        many = min(_seconds(runner, probe) for _ in range(2))
    except Exception:  # noqa: BLE001 - whatever a model raises
        return Cost(one, one)
    return Cost(one, max(0.0, many - one) / (len(probe) - 1))


def _seconds(runner: Runner, rows: Rows) -> float:
    started = time.perf_counter()
    runner.score(rows)
    return time.perf_counter() - started
