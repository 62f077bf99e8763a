"""Entries of one stream → one Arrow table, a row for each prediction, pair or label."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final, TypeVar

import numpy as np
import pyarrow as pa

from services.monitor.adapters.archive.columns import (
    TIME,
    answers,
    feature,
    form_of,
    moments,
    number_of,
    numbers,
    repeated,
    times,
)
from services.monitor.adapters.archive.reading import read_entry, rows_of
from services.monitor.domain.parts import EntryId, Stream
from services.monitor.ports import Piece
from understudy.contracts import events
from understudy.contracts.vocabulary import Outcome, class_name

Kind = TypeVar("Kind", bound=events.Entry)
Named = Sequence[tuple[EntryId, Kind]]

SCHEMA_VERSION: Final = 1
_ENTRIES_AT_ONCE: Final = 1_000
FEATURE: Final = "feature_"
"""Comes before a feature's name: no other column begins so, and SQL needs no quotes for it."""
_TEXT: Final = pa.string()


def table_of(piece: Piece) -> Any:
    """The rows of all entries, in the order of the log."""
    stream = piece.part.stream
    return _one([*_tables(piece)]).replace_schema_metadata(
        {
            "understudy.schema": str(SCHEMA_VERSION),
            "understudy.stream": str(stream),
            "understudy.deployment": piece.part.deployment,
            "understudy.first": str(piece.part.first),
            "understudy.last": str(piece.part.last),
            "understudy.malformed": str(piece.malformed),
        }
    )


def _tables(piece: Piece) -> Iterator[Any]:
    """Decoded some at a time: an entry takes several times as much memory as its columns."""
    stream = piece.part.stream
    form, build = _BUILDERS[stream]
    for start in range(0, len(piece.entries), _ENTRIES_AT_ONCE):
        some = piece.entries[start : start + _ENTRIES_AT_ONCE]
        named = [(name, read_entry(stream, fields)) for name, fields in some]
        for _, alike in groupby(named, key=lambda each: form(each[1])):
            yield build([*alike])


def _one(tables: Sequence[Any]) -> Any:
    """All columns of all; one that is of numbers here and of texts there becomes text."""
    kinds: dict[str, set[Any]] = {}
    for table in tables:
        for field in table.schema:
            kinds.setdefault(field.name, set()).add(field.type)
    mixed = {name for name, found in kinds.items() if len(found) > 1}
    return pa.concat_tables([_as_text(table, mixed) for table in tables], promote_options="default")


def _as_text(table: Any, names: Iterable[str]) -> Any:
    for name in names:
        place = table.schema.get_field_index(name)
        if place >= 0:
            table = table.set_column(place, name, table.column(place).cast(_TEXT))
    return table


def _predictions(named: Named[events.PredictionBatch]) -> Any:
    entries = [entry for _, entry in named]
    counts = [*map(rows_of, entries)]
    told = [entry.overrides.get(name) for entry in entries for name in entry.ids]
    first = entries[0]
    return pa.table(
        {
            **_places(named),
            "prediction_id": pa.array([name for e in entries for name in e.ids], _TEXT),
            "predicted_at": times(entry.at for entry in entries),
            "release": repeated([entry.release for entry in entries], counts, pa.int32()),
            "main": repeated([entry.main for entry in entries], counts, pa.int32()),
            "challengers": repeated(
                [entry.challengers for entry in entries], counts, pa.list_(pa.int32())
            ),
            "seconds": numbers(entry.seconds for entry in entries),
            "elsewhere": repeated([entry.elsewhere for entry in entries], counts, pa.bool_()),
            **answers("", [entry.scores for entry in entries]),
            "override": pa.array(
                [None if answer is None else class_name(answer) for answer in told], _TEXT
            ),
            **{
                FEATURE + column.name: feature([entry.columns[place] for entry in entries])
                for place, column in enumerate(first.columns)
            },
        }
    )


def _pairs(named: Named[events.PairBatch]) -> Any:
    entries = [entry for _, entry in named]
    counts = [*map(rows_of, entries)]
    outcomes = [outcome for entry in entries for outcome in entry.outcomes]
    errors = repeated([entry.error for entry in entries], counts, _TEXT)
    failed = pa.array([outcome != Outcome.OK for outcome in outcomes], pa.bool_())
    return pa.table(
        {
            **_places(named),
            "prediction_id": pa.array([name for e in entries for name in e.ids], _TEXT),
            "predicted_at": times(entry.at for entry in entries),
            "release": repeated([entry.release for entry in entries], counts, pa.int32()),
            "main": repeated([entry.main for entry in entries], counts, pa.int32()),
            "challenger": repeated([entry.challenger for entry in entries], counts, pa.int32()),
            "outcome": pa.array(outcomes, _TEXT),
            "error": pa.compute.if_else(failed, errors, pa.scalar(None, _TEXT)),
            **answers("main_", [entry.main_scores for entry in entries]),
            "main_seconds": numbers(entry.main_seconds for entry in entries),
            **answers("challenger_", [entry.challenger_scores for entry in entries]),
            "challenger_seconds": numbers(entry.challenger_seconds for entry in entries),
            "timed_main_seconds": _timed(entries, lambda entry: entry.timed_main_seconds),
            "timed_challenger_seconds": _timed(
                entries, lambda entry: entry.timed_challenger_seconds
            ),
        }
    )


def _labels(named: Named[events.LabelBatch]) -> Any:
    items = [item for _, entry in named for item in entry.items]
    return pa.table(
        {
            **_places(named),
            "prediction_id": pa.array([item.prediction_id for item in items], _TEXT),
            "label": pa.array([class_name(item.label) for item in items], _TEXT),
            "label_number": pa.array([number_of(item.label) for item in items], pa.float64()),
            "received_at": moments([item.received_at for item in items]),
            "observed_at": moments([item.observed_at for item in items]),
            "source": pa.array([item.source for item in items], _TEXT),
        }
    )


def _protected(named: Named[events.ProtectedBatch]) -> Any:
    items = [item for _, entry in named for item in entry.items]
    return pa.table(
        {
            **_places(named),
            "prediction_id": pa.array([item.prediction_id for item in items], _TEXT),
            "attributes": pa.array(
                [[*item.attributes.items()] for item in items], pa.map_(_TEXT, _TEXT)
            ),
            "received_at": moments([item.received_at for item in items]),
        }
    )


def _places(named: Named[Any]) -> dict[str, Any]:
    """Where in the log each row is: its entry, when that was written, the row in the entry."""
    counts = [rows_of(entry) for _, entry in named]
    places = np.concatenate([np.arange(count, dtype=np.int32) for count in counts])
    written = [name.milliseconds * 1_000 for name, _ in named]
    return {
        "entry": repeated([str(name) for name, _ in named], counts, _TEXT),
        "row": pa.array(places, pa.int32()),
        "logged_at": repeated(written, counts, TIME),
    }


def _timed(
    entries: Sequence[events.PairBatch], seconds: Callable[[events.PairBatch], bytes]
) -> Any:
    """Null for every row that was not timed."""
    found = [np.full(rows_of(entry), np.nan) for entry in entries]
    for values, entry in zip(found, entries, strict=True):
        values[entry.timed] = events.unpack(seconds(entry))
    return pa.array(np.concatenate(found), pa.float64(), from_pandas=True)


def _prediction_form(entry: events.PredictionBatch) -> object:
    return tuple((column.name, type(column)) for column in entry.columns), form_of(entry.scores)


def _pair_form(entry: events.PairBatch) -> object:
    return form_of(entry.main_scores), form_of(entry.challenger_scores)


def _any_form(_: events.Entry) -> object:
    return None


_BUILDERS: Final[Mapping[Stream, tuple[Callable[[Any], object], Callable[[Any], Any]]]] = {
    Stream.PREDICTIONS: (_prediction_form, _predictions),
    Stream.PAIRS: (_pair_form, _pairs),
    Stream.LABELS: (_any_form, _labels),
    Stream.PROTECTED: (_any_form, _protected),
}
