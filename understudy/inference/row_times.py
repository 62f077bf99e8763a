"""When the rows of a sample were: its time column in seconds since the epoch."""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import types


def no_times(kind: Any) -> str | None:
    """Why a column of that Arrow type can't say when a row was; None when it can."""
    if types.is_temporal(kind) and not (types.is_time(kind) or types.is_duration(kind)):
        return None
    if types.is_integer(kind) or types.is_floating(kind):
        return None
    if types.is_null(kind):
        return "holds no time: all of it is null"
    return f"is {kind}, not a time; save timestamps, dates, or seconds since the epoch as numbers"


def times_of(column: Any) -> NDArray[np.float64]:
    """Seconds since the epoch, NaN where there is no time. A timestamp without a zone is UTC."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    per_second = 1.0
    if types.is_temporal(column.type):
        zone = getattr(column.type, "tz", None)
        column = column.cast(pa.timestamp("us", tz=zone), safe=False).cast(pa.int64())
        per_second = 1e6
    found = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False) / per_second
    return np.where(np.isfinite(found), found, np.nan)
