"""The rows of a sample that a baseline is measured on, within the child."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pyarrow import parquet

from services.registry.adapters.inspection.sample import (
    columns_of,
    evenly,
    legal_rows,
    numbers_in,
    rows_in,
    spread_batches,
    spread_places,
)
from understudy.contracts.signature import Signature, Target
from understudy.contracts.vocabulary import Task
from understudy.inference.row_times import times_of
from understudy.inference.rows import Rows, joined
from understudy.inference.scored import Floats

MOST_ROWS: Final = 20_000
_MOST_VALUES: Final = 20_000_000
"""Fewer rows of very many features: the values of all of them are held at once."""
_READ_MORE: Final = 4
"""Times as many are read, since some may not be legal."""


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """Legal rows in the order of time, or of the sample."""

    rows: Rows
    labels: Floats
    """The index of the class in the signature's order, or the number; NaN without one."""
    at: Floats | None
    """Seconds since the epoch; None without a time column."""
    numbers: NDArray[np.int64] | None = None
    """Which row of the file each is; None where they come from no file."""

    def some(self, places: NDArray[np.intp]) -> "Labelled":
        """The rows at these places."""
        at = None if self.at is None else self.at[places]
        numbers = None if self.numbers is None else self.numbers[places]
        return Labelled(self.rows.at(places), self.labels[places], at, numbers)


def read_labelled(path: str, signature: Signature, time_column: str | None) -> Labelled:
    """At most MOST_ROWS legal rows, evenly spread; rows without a time only without a time column.

    The sample was found to have the columns before.
    """
    most = min(MOST_ROWS, max(_MOST_VALUES // len(signature.features), 1))
    rows, labels, at = list[Rows](), list[Floats](), list[Floats]()
    with parquet.ParquetFile(path) as file:
        columns = columns_of(signature, time_column)
        for _, chosen in spread_batches(file, columns, _READ_MORE * most):
            rows.append(rows_in(chosen, signature))
            labels.append(_labels(chosen[signature.target.name], signature.target))
            if time_column is not None:
                at.append(times_of(chosen[time_column]))
        numbers = spread_places(file.metadata.num_rows, _READ_MORE * most)
    timed = np.concatenate(at) if at else None
    whole = Labelled(joined(rows), np.concatenate(labels), timed, numbers)
    return whole.some(_places(whole, signature, most))


def _places(found: Labelled, signature: Signature, most: int) -> NDArray[np.intp]:
    legal = legal_rows(found.rows, signature)
    if found.at is None:
        return evenly(np.flatnonzero(legal), most)
    places = np.flatnonzero(legal & np.isfinite(found.at))
    return evenly(places[np.argsort(found.at[places], kind="stable")], most)


def _labels(column: Any, target: Target) -> Floats:
    if target.task is Task.REGRESSION:
        return numbers_in(column)
    index = {label: float(place) for place, label in enumerate(target.classes)}
    return np.array([index.get(value, np.nan) for value in column.to_pylist()], dtype=np.float64)
