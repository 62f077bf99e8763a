"""Some rows of a Parquet file, without holding the others."""

from collections.abc import Sequence
from typing import Any

import numpy as np
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


def spread_rows(file: Any, columns: Sequence[str], most_rows: int) -> Any:
    """At most so many rows, evenly spread over the file: it may be in the order of time."""
    total = file.metadata.num_rows
    wanted = np.linspace(0, total, min(most_rows, total), endpoint=False).astype(np.int64)
    batches, before = [], 0
    for batch in file.iter_batches(columns=columns):
        within = wanted[(wanted >= before) & (wanted < before + batch.num_rows)] - before
        batches.append(batch.take(pa.array(within)))
        before += batch.num_rows
    if not total:
        raise UnusableReferenceError("the sample has no rows")
    return pa.Table.from_batches(batches)
