"""Rows as small codes per feature, the same whatever happened to a feature's own distribution.

Formula: a continuous feature is coded by which fifth of *its own sample* a value lies in; anything
else (a category, a number with few values or with one very frequent value) by its place among the
reference's commonest values or bins. A missing value has no code (`NONE`).
Source: ranks as the sample version of a copula (Deheuvels 1979).
Guarantee: a strictly increasing change of a continuous feature leaves its codes as they are.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from understudy.profiles.arrays import Floats
from understudy.profiles.columns import Column

Codes = NDArray[np.int8]
CODES: Final = 5
NONE: Final = CODES
"""The code of a missing value: one beyond the others, so that a table may hold a zero there."""
_SHARES: Final = np.arange(1, CODES) / CODES
_FREQUENT: Final = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class FeatureCoding:
    """How one feature is coded; made from reference rows."""

    name: str
    edges: Floats | None
    """None: by rank in its own sample, or by category."""
    categories: Mapping[str, int] | None

    @property
    def ranked(self) -> bool:
        """Whether codes depend on the sample that a value is coded with."""
        return self.edges is None and self.categories is None


def feature_coding(name: str, column: Column) -> FeatureCoding | None:
    """From reference rows; None for a feature that takes one value, or none."""
    if not isinstance(column, np.ndarray):
        common = Counter(value for value in column if value is not None).most_common(CODES)
        places = {value: min(at, CODES - 1) for at, (value, _) in enumerate(common)}
        return FeatureCoding(name, None, places) if len(places) > 1 else None
    finite = column[np.isfinite(column)]
    values, counts = np.unique(finite, return_counts=True)
    if values.size < 2:
        return None
    if values.size <= CODES:
        return FeatureCoding(name, (values[1:] + values[:-1]) / 2, None)
    if counts.max() > _FREQUENT * finite.size:
        # Ranks of a value that is often there move with how often it is there: fixed bins don't.
        return FeatureCoding(name, np.unique(np.quantile(finite, _SHARES)), None)
    return FeatureCoding(name, None, None)


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Rows in the form that coding is quick on: numbers, or places of categories; NaN is none."""

    values: Floats
    """(rows, features)."""

    def take(self, rows: NDArray[np.intp]) -> "Table":
        """Some of the rows."""
        return Table(self.values[rows])


def table_of(codings: Sequence[FeatureCoding], columns: Mapping[str, Column], rows: int) -> Table:
    """A feature that is not there, or there in another form, is missing in every row."""
    found = np.full((rows, len(codings)), np.nan)
    for at, coding in enumerate(codings):
        column = columns.get(coding.name)
        if column is not None and isinstance(column, np.ndarray) is (coding.categories is None):
            found[:, at] = _numbers(coding, column)
    return Table(found)


def edges_of(codings: Sequence[FeatureCoding], table: Table) -> list[Floats | None]:
    """By feature: the fixed edges, or those of the fifths of this very sample."""
    return [
        _quantiles(table.values[:, at]) if coding.ranked else coding.edges
        for at, coding in enumerate(codings)
    ]


def codes_of(table: Table, edges: Sequence[Floats | None]) -> Codes:
    """(rows, features), each from 0 to `NONE`."""
    found = np.full(table.values.shape, NONE, dtype=np.int8)
    for at, cuts in enumerate(edges):
        values = table.values[:, at]
        there = np.isfinite(values)
        codes = values[there] if cuts is None else np.searchsorted(cuts, values[there], "right")
        found[there, at] = codes
    return found


def _numbers(coding: FeatureCoding, column: Column) -> Floats:
    if isinstance(column, np.ndarray):
        return column
    # What the reference does not hold counts as its rarest coded value.
    places = coding.categories or {}
    return np.array([np.nan if value is None else places.get(value, CODES - 1) for value in column])


def _quantiles(values: Floats) -> Floats:
    finite = values[np.isfinite(values)]
    return np.quantile(finite, _SHARES) if finite.size else np.zeros(0)
