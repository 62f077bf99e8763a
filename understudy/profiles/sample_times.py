"""The order of time in a reference sample: the column that says when each row came."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from understudy.inference.row_times import times_of
from understudy.profiles.arrays import Floats
from understudy.profiles.firsts import first_of_minute


@dataclass(frozen=True, slots=True)
class Ordering:
    """What a sample is read with, beside its signature."""

    time_column: str | None = None
    entity: str | None = None


def in_order(table: Any, ordering: Ordering) -> tuple[Any, Floats | None]:
    """Rows that have a time, ascending, one of each entity a minute; else all as they are."""
    if ordering.time_column not in table.column_names:
        return table, None
    at = times_of(table[ordering.time_column])
    order = np.argsort(at, kind="stable")[: int(np.isfinite(at).sum())]
    if not order.size:
        return table, None
    if ordering.entity in table.column_names:
        names = [str(name) for name in table[ordering.entity].take(order).to_pylist()]
        order = order[first_of_minute(names, at[order])]
    return table.take(order), at[order]
