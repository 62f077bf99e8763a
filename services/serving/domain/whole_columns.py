"""Columns of many rows whose values are all legal, told by a look at each column as a whole.

What is legal is written at `Column`; here it is the same rule for values of few types at once.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.serving.domain.columns import Cell, Column
from services.serving.domain.drafts import Cells
from understudy.contracts.signature import MOST_TEXT
from understudy.contracts.vocabulary import FeatureKind

_NUMBERS: Final = frozenset({int, float})


def legal_cells(
    values: Mapping[str, Sequence[object]], columns: Sequence[Column]
) -> Sequence[Cells] | None:
    """The cells of all rows; None when some value may not be legal, which rows are asked for."""
    if values.keys() != {column.name for column in columns}:
        return None
    found: list[Sequence[Cell]] = []
    for column in columns:
        cells = _legal(column, values[column.name])
        if cells is None:
            return None
        found.append(cells)
    return [*zip(*found, strict=True)]


def _legal(column: Column, values: Sequence[object]) -> Sequence[Cell] | None:
    kinds = {*map(type, values)}
    if column.nullable and type(None) in kinds:
        present = _legal_present(column, [v for v in values if v is not None], kinds - {type(None)})
        if present is None:
            return None
        cells = iter(present)
        return [None if value is None else next(cells) for value in values]
    return _legal_present(column, values, kinds)


def _legal_present(
    column: Column, values: Sequence[Any], kinds: set[type]
) -> Sequence[Cell] | None:
    match column.kind:
        case FeatureKind.CATEGORY:
            return _legal_texts(column, values) if kinds <= {str} else None
        case FeatureKind.BOOLEAN:
            return [*map(float, values)] if kinds <= {bool} else None
    return _legal_numbers(column, values, kinds) if kinds <= _NUMBERS else None


def _legal_numbers(
    column: Column, values: Sequence[Any], kinds: set[type]
) -> Sequence[Cell] | None:
    if not values:
        return []
    if not (column.low <= min(values) and max(values) <= column.high):
        return None
    numbers = [*map(float, values)] if int in kinds else values
    # Comparisons pass over NaN.
    broken = column.kind is FeatureKind.INTEGER and not all(map(float.is_integer, numbers))
    return None if broken or math.isnan(sum(numbers)) else numbers


def _legal_texts(column: Column, values: Sequence[str]) -> Sequence[Cell] | None:
    for text in {*values} - column.choices:
        if not column.open or len(text) > MOST_TEXT:
            return None
    return values
