"""The first rows of a Parquet file, without reading the others."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from services.monitor.domain.errors import UnusableReferenceError


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
