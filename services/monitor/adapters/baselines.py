"""Baselines: Parquet files in the shape that `understudy.contracts.registry.Baseline` describes."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from services.monitor.domain.outcomes.baseline import Baseline
from understudy.contracts.registry import Baseline as Described
from understudy.contracts.signature import Target
from understudy.contracts.vocabulary import class_name
from understudy.profiles.arrays import Floats
from understudy.profiles.errors import UnusableReferenceError
from understudy.profiles.samples import first_rows


def read_baseline(path: Path, described: Described, target: Target, most_rows: int) -> Baseline:
    """The first rows of the file.

    Raises UnusableReferenceError when the file is not what it was described to be.
    """
    classes = len(target.classes)
    try:
        with pq.ParquetFile(path) as file:
            table = first_rows(file, _wanted(file.schema_arrow.names, classes), most_rows)
    except pa.ArrowException as error:
        raise UnusableReferenceError(f"the baseline is no readable Parquet: {error}") from error
    return Baseline(
        sample=described.sample,
        values=_indices(table, "value", classes),
        probabilities=_probabilities(table, classes),
        labels=_indices(table, "label", classes),
        classes=classes,
        names=tuple(map(class_name, target.classes)),
        at=_numbers(table, "at") if "at" in table.column_names else None,
        places=_numbers(table, "row").astype(np.int64) if "row" in table.column_names else None,
        importances=dict(described.importances),
    )


def _wanted(there: list[str], classes: int) -> list[str]:
    missing = [name for name in ("value", "label") if name not in there]
    if missing:
        raise UnusableReferenceError(f"the baseline has no column {missing[0]!r}")
    known = {"value", "label", "at", "row", *(f"p{index}" for index in range(classes))}
    return [name for name in there if name in known]


def _probabilities(table: Any, classes: int) -> Floats | None:
    names = [f"p{index}" for index in range(classes)]
    if not names or not set(names) <= set(table.column_names):
        return None
    return np.column_stack([_numbers(table, name) for name in names])


def _indices(table: Any, name: str, classes: int) -> Floats:
    """Numbers; of a classifier those that are no class's index become NaN."""
    found = _numbers(table, name)
    if not classes:
        return found
    known = np.isin(found, np.arange(classes))
    return np.asarray(np.where(known, found, np.nan))


def _numbers(table: Any, name: str) -> Floats:
    return np.asarray(table[name].cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)
