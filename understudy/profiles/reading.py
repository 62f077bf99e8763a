"""Samples as Parquet files → profiles and columns."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import Label
from understudy.profiles.arrays import Counts
from understudy.profiles.columns import Column
from understudy.profiles.errors import UnusableReferenceError
from understudy.profiles.reference import Reference, build_reference
from understudy.profiles.sample_times import Ordering, in_order
from understudy.profiles.samples import first_rows, rows_at, spread_rows

_NO_ORDERING: Final = Ordering()


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
