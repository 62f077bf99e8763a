"""Rows as compiled models take them: one matrix of numbers, categories as codes.

A lookup in a dictionary costs a tenth of what a tensor of strings does, and lets one graph of
numbers stand for the whole model. Pure values, and numpy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from understudy.inference.errors import RefusedRowsError
from understudy.inference.rows import Rows

UNSEEN: Final = -1.0
"""The code of every category that the model was not fitted with; NaN stands for a missing one."""
_FLOAT32_MAX: Final = float(np.finfo(np.float32).max)


@dataclass(frozen=True, slots=True)
class Book:
    """The codes of one category's values."""

    column: int
    """Its place in the matrix."""
    values: tuple[str, ...]
    """A value's index is its code."""
    refuses_unseen: bool = False
    refuses_missing: bool = False


@dataclass(frozen=True, slots=True)
class Coding:
    """How checked rows become a matrix; part of a compiled model's file."""

    features: tuple[str, ...]
    """Names in the signature's order, so that a file is not used with another signature."""
    columns: tuple[int, ...]
    """Of each numeric feature, in the signature's order: its place in the matrix."""
    books: tuple[Book, ...]
    """Of each category, in the signature's order."""
    refuse_missing: tuple[int, ...] = ()
    """Columns of numbers in which a missing value is refused."""
    refuse_huge: tuple[int, ...] = ()
    """Columns of numbers in which what float32 can't hold is refused."""


class Coder:
    """Applies a coding."""

    def __init__(self, coding: Coding, dtype: Any) -> None:
        width = len(coding.columns) + len(coding.books)
        in_order = coding.columns == tuple(range(width))
        self._coding = coding
        self._dtype = dtype
        self._width = width
        self._columns = None if in_order else np.array(coding.columns, dtype=np.intp)
        self._codes = [
            {text: float(code) for code, text in enumerate(book.values)} for book in coding.books
        ]
        self._checks = bool(coding.refuse_missing or coding.refuse_huge)

    def matrix(self, rows: Rows) -> NDArray[Any]:
        """N × columns, contiguous. RefusedRowsError for what the original model would refuse."""
        if self._columns is None:
            found: NDArray[Any] = np.ascontiguousarray(rows.numbers, dtype=self._dtype)
        else:
            found = self._mixed(rows)
        if self._checks:
            _check(self._coding, found if found.dtype == np.float64 else self._mixed64(rows))
        return found

    def _mixed(self, rows: Rows) -> NDArray[Any]:
        found = np.empty((len(rows), self._width), dtype=self._dtype)
        found[:, self._columns] = rows.numbers
        for book, codes, texts in zip(self._coding.books, self._codes, rows.texts, strict=True):
            found[:, book.column] = _coded(book, codes, texts)
        return found

    def _mixed64(self, rows: Rows) -> NDArray[np.float64]:
        if self._columns is None:
            return rows.numbers
        found = np.zeros((len(rows), self._width))
        found[:, self._columns] = rows.numbers
        return found


def _coded(book: Book, codes: dict[str, float], texts: Sequence[str | None]) -> list[float]:
    found = [codes.get(text, UNSEEN) if text is not None else np.nan for text in texts]
    if book.refuses_unseen and UNSEEN in found:
        raise RefusedRowsError("a category that the model was not fitted with")
    if book.refuses_missing and None in texts:
        raise RefusedRowsError("a missing category")
    return found


def _check(coding: Coding, numbers: NDArray[np.float64]) -> None:
    if coding.refuse_missing and np.isnan(numbers[:, coding.refuse_missing]).any():
        raise RefusedRowsError("a missing number")
    if coding.refuse_huge and (np.abs(numbers[:, coding.refuse_huge]) > _FLOAT32_MAX).any():
        raise RefusedRowsError("a number that float32 can't hold")
