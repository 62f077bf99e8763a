"""Entries of each stream, decoded and checked: what the monitor can't count is not archived."""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec
import numpy as np

from services.monitor.domain.errors import MalformedRowsError
from services.monitor.domain.parts import Stream
from understudy.contracts import events
from understudy.contracts.events import Entry, Fields

UNREADABLE: Final = (msgspec.DecodeError, MalformedRowsError, ValueError, KeyError)
"""What a broken entry raises; UnknownSchemaError is a ValueError too, but is let through."""


def read_entry(stream: Stream, fields: Fields) -> Entry:
    """Raises UnknownSchemaError, or one of `UNREADABLE`."""
    return _READERS[stream](fields)


def rows_of(entry: Entry) -> int:
    """How many rows an entry of whatever stream has."""
    match entry:
        case events.PredictionBatch() | events.PairBatch():
            return len(entry.ids)
        case events.LabelBatch() | events.ProtectedBatch():
            return len(entry.items)
    raise TypeError(type(entry).__name__)


def _predictions(fields: Fields) -> Entry:
    batch = events.decode_predictions(fields)
    rows = len(batch.ids)
    _check(
        _packed(rows, batch.at, batch.seconds)
        and all(len(column.data) == _length(column, rows) for column in batch.columns)
        and _scores_fit(batch.scores, rows)
    )
    return batch


def _pairs(fields: Fields) -> Entry:
    batch = events.decode_pairs(fields)
    rows, timed = len(batch.ids), len(batch.timed)
    _check(
        _packed(rows, batch.at, batch.main_seconds, batch.challenger_seconds)
        and _packed(timed, batch.timed_main_seconds, batch.timed_challenger_seconds)
        and all(0 <= place < rows for place in batch.timed)
        and len(batch.outcomes) == rows
        and _scores_fit(batch.main_scores, rows)
        and _scores_fit(batch.challenger_scores, rows)
    )
    return batch


_READERS: Final[Mapping[Stream, Callable[[Fields], Entry]]] = {
    Stream.PREDICTIONS: _predictions,
    Stream.PAIRS: _pairs,
    Stream.LABELS: events.decode_labels,
    Stream.PROTECTED: events.decode_protected,
}


def _check(fits: bool) -> None:
    if not fits:
        raise MalformedRowsError("columns of one entry differ in length, or classes don't fit")


def _length(column: events.Column, rows: int) -> int:
    return rows if isinstance(column, events.CategoryColumn) else 8 * rows


def _packed(rows: int, *columns: bytes) -> bool:
    return all(len(column) == 8 * rows for column in columns)


def _scores_fit(scores: events.Scores, rows: int) -> bool:
    classes = len(scores.classes)
    if not _packed(rows, scores.values):
        return False
    if scores.probabilities and len(scores.probabilities) != 8 * rows * classes:
        return False
    if not classes:
        return True
    values = events.unpack(scores.values)
    # A failed row is NaN, and compares as neither.
    return not bool(((values < 0) | (values >= classes) | np.isinf(values)).any())
