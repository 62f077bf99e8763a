"""Has versions ready: fetched by digest, verified, loaded and warmed in a thread, then kept."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from services.serving.adapters.models import SklearnRunner, read_model
from services.serving.domain.rows import Plan, Rows
from services.serving.domain.scoring import UNKNOWN_COST, Cost, Loaded, Runner
from services.serving.domain.warming import has_example, probe_rows
from services.serving.ports import Artifacts
from understudy.contracts.registry import ServedVersion

_PROBE_ROWS = 64
_CALLS = 5

Kept = tuple[str, int, str]


class ModelLibrary:
    """Implements `ports.Library` over a folder of artifacts."""

    def __init__(self, artifacts: Artifacts, folder: Path, deadline_seconds: float) -> None:
        self._artifacts = artifacts
        self._folder = folder
        self._deadline_seconds = deadline_seconds
        self._loaded: dict[Kept, Loaded] = {}
        # Several deployments may name one artifact: its file must not be written twice at a time.
        self._loading: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def load(self, model: str, version: ServedVersion, trusted: Sequence[str]) -> Loaded:
        """A version that can answer."""
        key = _key(model, version)
        async with asyncio.timeout(self._deadline_seconds), self._loading[version.artifact]:
            found = self._loaded.get(key)
            if found is None:
                path = await self._artifacts.fetch_artifact(version.artifact, self._folder)
                found = await asyncio.to_thread(_load, path, version, trusted)
                self._loaded[key] = found
            return found

    def keep(self, models: Sequence[tuple[str, ServedVersion]]) -> None:
        """Let go of all other versions."""
        wanted = {_key(model, version) for model, version in models}
        self._loaded = {key: loaded for key, loaded in self._loaded.items() if key in wanted}
        idle = [digest for digest, lock in self._loading.items() if not lock.locked()]
        for digest in idle:
            del self._loading[digest]


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
