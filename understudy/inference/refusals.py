"""What a model refuses, found out by asking it: compiled code would answer most of it."""

from dataclasses import replace

import numpy as np

from understudy.contracts.signature import Signature
from understudy.inference.coding import Book, Coding
from understudy.inference.edges import HUGE, UNSEEN_TEXTS
from understudy.inference.rows import Rows
from understudy.inference.scored import Runner


def with_refusals(coding: Coding, original: Runner, signature: Signature, sample: Rows) -> Coding:
    """The coding with what `original` refuses of the values that the signature allows."""
    row = sample.part(0, 1)
    numeric = [feature for feature in signature.features if feature.numeric]
    texts = [feature for feature in signature.features if not feature.numeric]
    missing, huge = list[int](), list[int]()
    for place, (feature, column) in enumerate(zip(numeric, coding.columns, strict=True)):
        if feature.nullable and not _answers(original, _with_number(row, place, np.nan)):
            missing.append(column)
        # Bounds do not matter: a policy may let in what is beyond them.
        if not all(_answers(original, _with_number(row, place, end)) for end in (HUGE, -HUGE)):
            huge.append(column)
    books = tuple(
        _asked(book, original, row, place)
        for place, (book, _) in enumerate(zip(coding.books, texts, strict=True))
    )
    return replace(coding, books=books, refuse_missing=tuple(missing), refuse_huge=tuple(huge))


def _asked(book: Book, original: Runner, row: Rows, place: int) -> Book:
    return replace(
        book,
        refuses_unseen=not _answers(original, _with_text(row, place, UNSEEN_TEXTS[1])),
        refuses_missing=not _answers(original, _with_text(row, place, None)),
    )


def _answers(original: Runner, row: Rows) -> bool:
    try:
        original.score(row)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - a model refuses in whatever way it likes
        return False
    return True


def _with_number(row: Rows, place: int, value: float) -> Rows:
    numbers = row.numbers.copy()
    numbers[0, place] = value
    return Rows(numbers, row.texts)


def _with_text(row: Rows, place: int, value: str | None) -> Rows:
    texts = [*row.texts]
    texts[place] = [value]
    return Rows(row.numbers, tuple(texts))
