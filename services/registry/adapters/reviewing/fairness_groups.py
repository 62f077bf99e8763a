"""Groups of rows by a protected attribute."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pyarrow import types

from services.registry.adapters.reviewing.data_bars import number_text, short
from services.registry.adapters.reviewing.data_values import is_number, numbers_in_column
from services.registry.adapters.reviewing.subject import Sampled
from understudy.inference.scored import Floats

NOT_STATED: Final = "not stated"
OTHERS: Final = "all others"
FEWEST: Final = 30
"""Rows of a group of which any figure is shown."""
_MOST: Final = 20
_FEW_VALUES: Final = 8
_PARTS: Final = 5


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Which group each row belongs to."""

    names: tuple[str, ...]
    codes: NDArray[np.intp]
    """Places in `names`, of each row."""

    @property
    def rows(self) -> NDArray[np.intp]:
        """Of each group."""
        return np.bincount(self.codes, minlength=len(self.names))

    def at(self, places: NDArray[np.intp]) -> "Groups":
        """Of some of the rows."""
        return Groups(self.names, self.codes[places])


def groups_of(sampled: Sampled, attribute: str) -> Groups:
    """Of all rows that were read.

    Numbers of more than 8 values are cut into five parts of about as many rows, named by the first
    and last value in them. Beyond 20 groups, the smallest are one. Rows without a value are a group
    of their own, the last.
    """
    kind = sampled.table.schema.field(attribute).type
    if is_number(kind):
        values = numbers_in_column(sampled, attribute)
        values = np.where(np.isfinite(values), values, np.nan)
        distinct = np.unique(values[~np.isnan(values)])
        if distinct.size > _FEW_VALUES:
            return _parts(values)
        texts = [None if np.isnan(value) else number_text(value) for value in values.tolist()]
        return _named(texts, [number_text(value) for value in distinct.tolist()])
    found = list(sampled.protected[attribute])
    if types.is_boolean(kind):
        found = [None if text is None else text.lower() for text in found]
    return _named(found, sorted({text for text in found if text is not None}))


def _parts(values: Floats) -> Groups:
    there = ~np.isnan(values)
    cuts = np.quantile(values[there], np.arange(1, _PARTS) / _PARTS, method="higher")
    # A value that makes up many rows lies in one part, so parts may be fewer.
    part = np.searchsorted(np.unique(cuts), values[there], side="left")
    names = []
    for code in np.unique(part).tolist():
        own = values[there][part == code]
        first, last = number_text(float(own.min())), number_text(float(own.max()))
        names.append(first if first == last else f"{first} to {last}")
    codes = np.full(values.size, len(names), dtype=np.intp)
    codes[there] = np.unique(part, return_inverse=True)[1]
    return Groups((*names, *_unstated(there)), codes)


def _named(texts: list[str | None], order: list[str]) -> Groups:
    counts = Counter(text for text in texts if text is not None)
    if len(order) > _MOST:
        largest = sorted(order, key=lambda text: (-counts[text], text))[: _MOST - 1]
        order = sorted(largest)
    names = [short(text) or "(empty)" for text in order]
    code = {text: place for place, text in enumerate(order)}
    if len(counts) > len(order):
        names.append(OTHERS)
    codes = [len(names) if text is None else code.get(text, len(order)) for text in texts]
    there = np.array([text is not None for text in texts], dtype=bool)
    return Groups((*names, *_unstated(there)), np.array(codes, dtype=np.intp))


def _unstated(there: NDArray[np.bool_]) -> tuple[str, ...]:
    return () if there.all() else (NOT_STATED,)
