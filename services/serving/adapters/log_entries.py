"""What a flush holds → entries of the log: one for each release, one for labels, one for groups."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from struct import Struct
from sys import getsizeof
from typing import Final

import numpy as np

from services.serving.adapters.told_entries import ToldElsewhere, told_entries
from services.serving.operations.wire import scores_of
from services.serving.ports import Answered
from understudy.contracts.events import (
    CategoryColumn,
    Column,
    Entry,
    LabelBatch,
    LabelEvent,
    NumberColumn,
    PredictionBatch,
    ProtectedBatch,
    ProtectedEvent,
    Scores,
    labels_key,
    predictions_key,
    protected_key,
)
from understudy.contracts.signature import Signature, Target
from understudy.inference.rows import Rows, joined
from understudy.inference.scored import Floats, Scored


@dataclass(frozen=True, slots=True)
class Labelled:
    """Labels that came in one request."""

    deployment: str
    items: Sequence[LabelEvent]


@dataclass(frozen=True, slots=True)
class Protected:
    """Protected attributes that came in one request."""

    deployment: str
    items: Sequence[ProtectedEvent]


Record = Answered | Labelled | Protected | ToldElsewhere

_FLOAT: Final = Struct("<d")
_ROW_BYTES: Final = 120
"""A row's name, when it was answered, and how long that took."""
_TEXT_BYTES: Final = 8
_LABEL_BYTES: Final = 200


def size_of(record: Record) -> int:
    """About how many bytes a record takes, here and in the log. As cheap as can be."""
    match record:
        case Answered():
            found = record.scored.probabilities
            rows = len(record.ids)
            arrays = record.rows.numbers.nbytes + (0 if found is None else found.nbytes)
            texts = sum(len("".join(filter(None, column))) for column in record.rows.texts)
            size = arrays + texts + rows * (_ROW_BYTES + _TEXT_BYTES * len(record.rows.texts))
            return size + _protected_size(record.protected) if record.protected else size
        case Protected():
            return _protected_size(record.items)
        case ToldElsewhere():
            return record.size
        case Labelled():
            return sum(
                _LABEL_BYTES + getsizeof(item.label) + getsizeof(item.source)
                for item in record.items
            )


def rows_of(record: Record) -> int:
    """Rows, labels, and predictions whose protected attributes are in it."""
    if isinstance(record, Answered):
        return len(record.ids) + len(record.protected)
    return record.rows if isinstance(record, ToldElsewhere) else len(record.items)


def entries_of(records: Sequence[Record]) -> list[tuple[str, Entry]]:
    """Entries, in the order of their first rows, each with its stream's key."""
    groups: dict[int, list[Answered]] = {}
    labels: list[LabelEvent] = []
    protected: list[ProtectedEvent] = []
    told: list[tuple[str, Entry]] = []
    for record in records:
        match record:
            case Answered():
                # By identity: one release that was taken up twice makes two entries, no harm done.
                groups.setdefault(id(record.live), []).append(record)
                protected += record.protected
            case Labelled():
                labels += record.items
            case Protected():
                protected += record.items
            case ToldElsewhere():
                told += told_entries(record, columns_of)
    name = records[0].deployment
    found: list[tuple[str, Entry]] = [
        (predictions_key(name), prediction_batch(group)) for group in groups.values()
    ]
    found += told
    if labels:
        found.append((labels_key(name), LabelBatch(deployment=name, items=labels)))
    if protected:
        found.append((protected_key(name), ProtectedBatch(deployment=name, items=protected)))
    return found


def prediction_batch(group: Sequence[Answered]) -> PredictionBatch:
    """All rows of a group that was answered under one release."""
    first = group[0]
    signature = first.live.main.signature
    rows = [len(answered.ids) for answered in group]
    return PredictionBatch(
        deployment=first.deployment,
        release=first.live.release,
        main=first.live.main.version,
        challengers=first.live.challengers,
        ids=[*chain.from_iterable([answered.ids for answered in group])],
        at=_repeated([answered.at for answered in group], rows),
        seconds=_repeated([answered.seconds for answered in group], rows),
        columns=columns_of(signature, joined([answered.rows for answered in group])),
        scores=_joined_scores(signature.target, [answered.scored for answered in group]),
        overrides={name: label for answered in group for name, label in answered.overrides.items()},
    )


def _repeated(values: Sequence[float], times: Sequence[int]) -> bytes:
    """What `pack` makes of each value so many times: the bytes of one are repeated, no array."""
    return b"".join([_FLOAT.pack(value) * rows for value, rows in zip(values, times, strict=True)])


def columns_of(signature: Signature, rows: Rows) -> list[Column]:
    """One column for each feature, in the signature's order."""
    # Copied once, column by column; a column's length in bytes is the same for all.
    numbers, length = rows.numbers.T.tobytes(), 8 * len(rows)
    starts = iter(range(0, len(numbers), length))
    texts = iter(rows.texts)
    return [
        NumberColumn(name=feature.name, data=numbers[(at := next(starts)) : at + length])
        if feature.numeric
        else CategoryColumn(name=feature.name, data=next(texts))
        for feature in signature.features
    ]


def _joined_scores(target: Target, parts: Sequence[Scored]) -> Scores:
    if len(parts) == 1:
        return scores_of(target, parts[0])
    values = np.concatenate([part.values for part in parts])
    if all(part.probabilities is None for part in parts):
        return scores_of(target, Scored(values))
    width = len(target.classes)
    likely = [_likely(part, width) for part in parts]
    return scores_of(target, Scored(values, np.concatenate(likely)))


def _likely(part: Scored, width: int) -> Floats:
    """Probabilities; NaN of rows that the model failed on."""
    found = part.probabilities
    return np.full((len(part.values), width), np.nan) if found is None else found


def _protected_size(items: Sequence[ProtectedEvent]) -> int:
    texts = (text for item in items for pair in item.attributes.items() for text in pair)
    return _LABEL_BYTES * len(items) + sum(map(getsizeof, texts))
