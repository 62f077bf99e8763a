"""What the columns of a Parquet file hold, read a batch at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from understudy.contracts.vocabulary import Label

MOST_VALUES: Final = 1_000
"""More than so many are neither choices nor classes."""


@dataclass(frozen=True, slots=True)
class Column:
    """What one holds."""

    missing: bool
    least: float | None
    most: float | None
    values: tuple[Label, ...] | None
    """Sorted; None when there are too many."""


def columns_of(file: Any, names: Sequence[str]) -> Mapping[str, Column]:
    """Of an open `ParquetFile`. Raises what pyarrow raises."""
    looked = {name: _Looked() for name in names}
    for batch in file.iter_batches(columns=[*names]):
        for name in names:
            looked[name].look(batch[name])
    return {name: one.column() for name, one in looked.items()}


class _Looked:
    """A column, a batch at a time."""

    def __init__(self) -> None:
        self._missing = False
        self._least: float | None = None
        self._most: float | None = None
        self._values: set[Label] | None = set()

    def look(self, values: Any) -> None:
        from pyarrow import compute, types  # noqa: PLC0415 - large, only where it is needed

        self._missing = (
            self._missing or compute.any(compute.is_null(values, nan_is_null=True)).as_py()
        )
        kind = values.type
        if types.is_integer(kind) or types.is_floating(kind):
            self._stretch(compute.min_max(compute.drop_null(values)))
        if self._values is None or types.is_nested(kind):
            self._values = None
            return
        for value in compute.unique(values).to_pylist():
            if isinstance(value, bool | int | float | str) and value == value:  # noqa: PLR0124 - NaN
                self._values.add(value)
        if len(self._values) > MOST_VALUES:
            self._values = None

    def column(self) -> Column:
        values = None if self._values is None else tuple(sorted(self._values, key=_place))
        return Column(self._missing, self._least, self._most, values)

    def _stretch(self, found: Any) -> None:
        least, most = found["min"].as_py(), found["max"].as_py()
        if least is None or least != least:  # noqa: PLR0124 - NaN
            return
        self._least = float(least if self._least is None else min(self._least, least))
        self._most = float(most if self._most is None else max(self._most, most))


def _place(value: Label) -> tuple[str, Label]:
    """Numbers among themselves, texts among themselves."""
    return ("text" if isinstance(value, str) else "number", value)
