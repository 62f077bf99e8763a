"""Some rows of a Parquet file, without holding the others."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from understudy.profiles.arrays import Counts
from understudy.profiles.errors import UnusableReferenceError


def first_rows(file: Any, columns: Sequence[str], most_rows: int) -> Any:
    """An Arrow table of at most so many rows. Raises UnusableReferenceError when there are none."""
    batches, rows = [], 0
    for batch in file.iter_batches(columns=columns):
        batches.append(batch.slice(0, most_rows - rows))
        rows += batches[-1].num_rows
        if rows >= most_rows:
            break
    if not batches:
        raise UnusableReferenceError("the reference sample has no rows")
    return pa.Table.from_batches(batches)


def spread_rows(file: Any, columns: Sequence[str], most_rows: int) -> Any:
    """At most so many rows, evenly spread over the file: it may be in the order of time."""
    total = file.metadata.num_rows
    if not total:
        raise UnusableReferenceError("the sample has no rows")
    places = np.linspace(0, total, min(most_rows, total), endpoint=False).astype(np.int64)
    return rows_at(file, columns, places)


def rows_at(file: Any, columns: Sequence[str], places: Counts) -> Any:
    """The rows at these places of the file, in the order of the places."""
    order = np.argsort(places, kind="stable")
    wanted, batches, before = places[order], [], 0
    if not wanted.size or wanted[-1] >= file.metadata.num_rows:
        raise UnusableReferenceError("the sample does not have the rows that it was measured on")
    for batch in file.iter_batches(columns=columns):
        first, last = np.searchsorted(wanted, [before, before + batch.num_rows])
        batches.append(batch.take(pa.array(wanted[first:last] - before)))
        before += batch.num_rows
    return pa.Table.from_batches(batches).take(pa.array(np.argsort(order)))
