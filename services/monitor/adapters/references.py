"""Reference samples and baselines: Parquet files by digest in one folder, read once each."""

import asyncio
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

import structlog

from services.monitor.adapters.baselines import read_baseline
from services.monitor.domain.outcomes.baseline import Baseline
from understudy.client.following import RegistryFollowing, prune_artifacts
from understudy.contracts.registry import ServedVersion
from understudy.profiles.arrays import Counts
from understudy.profiles.columns import Column
from understudy.profiles.reading import read_columns, read_places, read_reference
from understudy.profiles.reference import Reference
from understudy.profiles.sample_times import Ordering

_KEPT: Final = 64
"""Profiles, and baselines, that are held; the oldest goes first."""
_UNUSED_SECONDS: Final = 86_400.0


class ParquetReferences:
    """Implements `ports.References`."""

    def __init__(self, registry: RegistryFollowing, folder: Path, *, most_rows: int) -> None:
        self._registry = registry
        self._folder = folder
        self._most_rows = most_rows
        self._profiles: dict[object, Reference] = {}
        self._baselines: dict[str, Baseline] = {}

    async def profile(self, served: ServedVersion, entity: str | None = None) -> Reference:
        """From memory, or from the file in a thread."""
        name = (served.reference, served.signature, served.time_column, entity)
        if name not in self._profiles:
            path, ordering = await self.file(served), Ordering(served.time_column, entity)
            found = await asyncio.to_thread(
                read_reference, path, served.signature, self._most_rows, ordering
            )
            _make_room(self._profiles)
            self._profiles[name] = found
        return self._profiles[name]

    async def baseline(self, served: ServedVersion) -> Baseline | None:
        """The same; None where the version was not measured."""
        described = served.baseline
        if described is None:
            return None
        if described.file not in self._baselines:
            path = await self._registry.fetch_artifact(described.file, self._folder)
            target = served.signature.target
            found = await asyncio.to_thread(read_baseline, path, described, target, self._most_rows)
            _make_room(self._baselines)
            self._baselines[described.file] = found
        return self._baselines[described.file]

    async def file(self, served: ServedVersion) -> Path:
        """Downloaded when it is not there; its bytes are checked each time."""
        return await self._registry.fetch_artifact(served.reference, self._folder)

    async def columns(
        self, served: ServedVersion, names: Collection[str], most_rows: int
    ) -> Mapping[str, Column]:
        """Read in a thread, held by nobody."""
        path = await self.file(served)
        return await asyncio.to_thread(read_columns, path, served.signature, names, most_rows)

    async def baseline_rows(self, served: ServedVersion, places: Counts) -> Mapping[str, Column]:
        """Of the evaluation sample where that was measured on, else of the reference."""
        digest = served.reference if served.evaluation is None else served.evaluation
        path = await self._registry.fetch_artifact(digest, self._folder)
        return await asyncio.to_thread(read_places, path, served.signature, places)

    async def keep(self, wanted: Collection[str]) -> None:
        """In a thread; a file that was used within a day stays."""
        removed = await asyncio.to_thread(prune_artifacts, self._folder, wanted, _UNUSED_SECONDS)
        if removed:
            structlog.stdlib.get_logger().info("references_pruned", files=removed)


def _make_room(held: dict[Any, Any]) -> None:
    while len(held) >= _KEPT:
        del held[next(iter(held))]
