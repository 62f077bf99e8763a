"""Parts of the archive as rows that a model can be asked, beside what was answered then."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from understudy.contracts.signature import Feature, Signature
from understudy.inference.rows import Rows
from understudy.inference.scored import Floats
from understudy.replaying.frames import Part

FEATURE: Final = "feature_"
_STORED: Final = ("prediction_id", "predicted_at", "main", "elsewhere", "value", "probabilities")
_BUCKETS: Final = 2.0**32


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """Some rows, and what the main version answered."""

    ids: Sequence[str]
    rows: Rows
    values: Floats
    """NaN where it failed."""
    probabilities: Floats | None
    elsewhere: int
    """Rows left out because they were answered elsewhere."""


def read_past(part: Part, signature: Signature, *, elsewhere: bool) -> Past:
    """The part's rows; with or without those that were answered elsewhere."""
    wanted = [*_STORED, *(FEATURE + name for name in signature.names)]
    with pq.ParquetFile(part.path) as file:
        there = set(file.schema_arrow.names)
        table = file.read(columns=[name for name in wanted if name in there])
    table = _chosen(table, part)
    told = table.filter(table["elsewhere"])
    if not elsewhere:
        table = table.filter(pc.invert(table["elsewhere"]))
    return Past(
        ids=table["prediction_id"].to_pylist(),
        rows=_rows(table, signature),
        values=_numbers(table["value"]),
        probabilities=_probabilities(table["probabilities"]),
        elsewhere=0 if elsewhere else told.num_rows,
    )


def _chosen(table: Any, part: Part) -> Any:
    """Of the main version, of the time, of the share; of one id the first row alone."""
    at = _numbers(table["predicted_at"].cast(pa.int64())) / 1e6
    ids = table["prediction_id"].to_pylist()
    kept = (at >= part.since) & (at < part.until) & (_numbers(table["main"]) == part.main)
    if part.share < 1.0:
        kept &= np.array([zlib.crc32(name.encode()) < part.share * _BUCKETS for name in ids], bool)
    first = {name: place for place, name in reversed([*enumerate(ids)])}
    kept &= np.array([first[name] == place for place, name in enumerate(ids)], bool)
    return table.filter(pa.array(kept))


def _rows(table: Any, signature: Signature) -> Rows:
    numeric = [feature for feature in signature.features if feature.numeric]
    texts = [feature for feature in signature.features if not feature.numeric]
    columns = [_number(table, feature) for feature in numeric]
    numbers = np.stack(columns, axis=1) if columns else np.empty((table.num_rows, 0))
    return Rows(np.ascontiguousarray(numbers), tuple(_text(table, feature) for feature in texts))


def _number(table: Any, feature: Feature) -> Floats:
    column = _column(table, feature)
    return np.full(table.num_rows, np.nan) if column is None else _numbers(column)


def _text(table: Any, feature: Feature) -> list[str | None]:
    column = _column(table, feature)
    return [None] * table.num_rows if column is None else column.cast(pa.string()).to_pylist()


def _column(table: Any, feature: Feature) -> Any:
    name = FEATURE + feature.name
    return table[name] if name in table.column_names else None


def _numbers(column: Any) -> Floats:
    """Null is NaN; texts that hold numbers, of parts with mixed columns, are read."""
    found = column.cast(pa.float64(), safe=False).combine_chunks()
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.float64)


def _probabilities(column: Any) -> Floats | None:
    width = pc.max(pc.list_value_length(column)).as_py()
    if not width:
        return None
    nothing = [np.nan] * width
    return np.array([nothing if row is None else row for row in column.to_pylist()], np.float64)
