"""Rows of a request → cells, or everything that is wrong with them; and cells → typed columns.

A `Plan` is made once when a version is loaded. `Plan.read` is the explaining reader: it knows why a
row is not legal and what the policy makes of it. What it takes for legal is written at `Column`.
"""

import struct
from collections.abc import Mapping, Sequence
from enum import Enum
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from services.serving.domain.columns import Column, column_of
from services.serving.domain.drafts import Cells, Draft
from services.serving.domain.reading import MOST_ERRORS, Reading
from services.serving.domain.tensor_rows import TensorRows
from services.serving.domain.whole_columns import legal_cells
from understudy.contracts.policy import Policy
from understudy.contracts.signature import MOST_TEXT, Signature
from understudy.inference.rows import Rows

__all__ = ["MOST_ERRORS", "MOST_TEXT", "Plan", "Shape"]


class Shape(Enum):
    """How rows were sent: one object, a bare list, or a list under the member `rows`."""

    ONE = "one"
    LIST = "list"
    ROWS = "rows"

    def place(self, *index: int) -> tuple[str | int, ...]:
        """Where a row (or, without an index, the list) stands in the body that was sent."""
        match self:
            case Shape.ONE:
                return ()
            case Shape.LIST:
                return index
            case Shape.ROWS:
                return ("rows", *index)


class Plan:
    """Reads rows against one signature."""

    def __init__(self, signature: Signature) -> None:
        columns = [column_of(f, position) for position, f in enumerate(signature.features)]
        self.columns: tuple[Column, ...] = tuple(sorted(columns, key=lambda c: not c.numeric))
        """In the order of a row's cells: those of numbers, then categories, each in the
        signature's order."""
        self.numeric = tuple(column.name for column in self.columns if column.numeric)
        self.categories = tuple(column.name for column in self.columns if not column.numeric)
        self._pack = struct.Struct(f"={len(self.numeric)}d").pack
        self._numbers_of = itemgetter(slice(0, len(self.numeric)))
        self._texts_of = [
            itemgetter(index) for index in range(len(self.numeric), len(self.columns))
        ]

    def read(
        self, rows: Sequence[Mapping[str, object]], policy: Policy, shape: Shape = Shape.ONE
    ) -> Draft:
        """Cells, and what the policy has to say of them.

        A legal row (see `Column`) is read the same under every policy, without a notice. Of other
        values, those whose meaning is plain are read under `best_effort` (see `coerced`; members
        that are no features are left out), and those that only miss a range or a choice are what
        the guard rules make of them. The rest raises InvalidRowsError with every error, up to
        `MOST_ERRORS`, as does what a rule refuses.
        """
        if isinstance(rows, TensorRows):
            cells = legal_cells(dict(zip(rows.names, rows.columns, strict=True)), self.columns)
            if cells is not None:
                return Draft(cells)
        reading = Reading(self.columns, policy, len(rows))
        for index, row in enumerate(rows):
            reading.take(row, shape.place(index))
            if reading.failed:
                break
        return reading.draft()

    def rows(self, cells: Sequence[Cells]) -> Rows:
        """Typed columns of rows, of any number of requests. The array is writable and C-ordered."""
        if not self._texts_of:
            return Rows(self._numbers(cells), ())
        numbers = self._numbers([*map(self._numbers_of, cells)])
        return Rows(numbers, tuple([*map(text, cells)] for text in self._texts_of))

    def _numbers(self, cells: Sequence[Cells]) -> NDArray[np.float64]:
        if len(cells) == 1:
            return np.array(cells, dtype=np.float64)
        shape = (len(cells), len(self.numeric))
        pack = self._pack
        try:
            # A third of the time of np.array, which looks at each float three times.
            packed = bytearray().join([pack(*row) for row in cells])
        except struct.error:  # None, which numpy makes NaN
            return np.array(cells, dtype=np.float64).reshape(shape)
        return np.frombuffer(packed, dtype=np.float64).reshape(shape)
