"""Reference samples and baselines: Parquet files by digest in one folder, read once each."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import structlog

from services.monitor.adapters.baselines import read_baseline
from services.monitor.adapters.sample_times import Ordering, in_order
from services.monitor.adapters.samples import first_rows, rows_at, spread_rows
from services.monitor.domain.arrays import Counts
from services.monitor.domain.errors import UnusableReferenceError
from services.monitor.domain.outcomes.baseline import Baseline
from services.monitor.domain.reference import Reference, build_reference
from services.monitor.domain.rows import Column
from understudy.client.following import RegistryFollowing, prune_artifacts
from understudy.contracts.registry import ServedVersion
from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import Label

_KEPT: Final = 64
"""Profiles, and baselines, that are held; the oldest goes first."""
_UNUSED_SECONDS: Final = 86_400.0
_NO_ORDERING: Final = Ordering()


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


def read_reference(
    path: Path, signature: Signature, most_rows: int, ordering: Ordering = _NO_ORDERING
) -> Reference:
    """Profile the first rows of a Parquet file, in the order of time where it has one.

    Other columns than the signature's and that of time are not read.
    """
    wanted = [*signature.names, signature.target.name, ordering.time_column or ""]
    try:
        with pq.ParquetFile(path) as file:
            there = set(file.schema_arrow.names)
            names = [name for name in dict.fromkeys(wanted) if name in there]
            table = first_rows(file, names, most_rows)
        table, at = in_order(table, ordering)
    except pa.ArrowException as error:
        raise UnusableReferenceError(
            f"the reference sample is no readable Parquet: {error}"
        ) from error
    columns = {
        feature.name: column_of(table[feature.name], numeric=feature.numeric)
        for feature in signature.features
        if feature.name in table.column_names
    }
    has_target = signature.target.name in table.column_names
    target = _labels(table[signature.target.name]) if has_target else None
    return build_reference(signature, columns, target, at, ordering.entity)


def read_places(path: Path, signature: Signature, places: Counts) -> Mapping[str, Column]:
    """All features of some rows of a Parquet file, in the order that they are asked for."""
    with pq.ParquetFile(path) as file:
        names = [name for name in signature.names if name in set(file.schema_arrow.names)]
        table = rows_at(file, names, places)
    kinds = {feature.name: feature.numeric for feature in signature.features}
    return {name: column_of(table[name], numeric=kinds[name]) for name in names}


def read_columns(
    path: Path, signature: Signature, names: Collection[str], most_rows: int
) -> Mapping[str, Column]:
    """These features of at most so many rows, evenly spread; those that are not there are left out.

    Raises UnusableReferenceError.
    """
    try:
        with pq.ParquetFile(path) as file:
            there = set(file.schema_arrow.names) & set(names)
            table = spread_rows(
                file, [name for name in signature.names if name in there], most_rows
            )
    except pa.ArrowException as error:
        raise UnusableReferenceError(f"the sample is no readable Parquet: {error}") from error
    return {
        feature.name: column_of(table[feature.name], numeric=feature.numeric)
        for feature in signature.features
        if feature.name in table.column_names
    }


def column_of(column: Any, *, numeric: bool) -> Column:
    """An Arrow column as the log carries it: float64 with NaN, or text with None."""
    if not numeric:
        return [None if value is None else str(value) for value in column.to_pylist()]
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    found = column.cast(pa.float64(), safe=False).to_numpy()
    return np.asarray(found, dtype=np.float64)


def _labels(column: Any) -> Sequence[Label | None]:
    values: Iterable[Any] = column.to_pylist()
    return [value if isinstance(value, bool | int | float | str) else None for value in values]
