"""What single columns hold."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from services.registry.adapters.reviewing.data_bars import (
    FEW,
    number_bars,
    number_text,
    short,
    text_bars,
    time_bars,
    truth_text,
)
from services.registry.adapters.reviewing.data_values import (
    Texts,
    beyond,
    counted,
    is_number,
    numbers_in_column,
    unkind,
    unknown,
    values_of,
)
from services.registry.adapters.reviewing.subject import Sampled, Subject
from understudy.contracts.reviews import ColumnFacts
from understudy.contracts.vocabulary import FeatureKind, class_name
from understudy.inference.scored import Floats

_COMMONEST: Final = 10


@dataclass(frozen=True, slots=True)
class _Column:
    """Where the values of a column come from, and what they are."""

    name: str
    part: str
    stored_as: str
    kind: FeatureKind
    outside: float = 0.0


def columns_of(subject: Subject) -> Iterator[ColumnFacts]:
    """Of the reference: features, target, time, protected attributes; each column once."""
    held, other, signature = subject.reference, subject.evaluation, subject.signature
    of_other = [None] * len(signature.features)
    mine = values_of(held, signature.features)
    theirs = of_other if other is None else values_of(other, signature.features)
    for feature, own, compared in zip(signature.features, mine, theirs, strict=True):
        stored = _stored(held, feature.name)
        if isinstance(own, Texts):
            assert not isinstance(compared, np.ndarray)  # noqa: S101 - one signature for both
            share = _of(unknown(own, feature), own.counts.total())
            yield _texts(
                _Column(feature.name, "feature", stored, feature.kind, share), own, compared
            )
        else:
            assert not isinstance(compared, Texts)  # noqa: S101 - one signature for both
            outside = int((beyond(own, feature) | unkind(own, feature)).sum())
            share = _of(outside, int((~np.isnan(own)).sum()))
            column = _Column(feature.name, "feature", stored, feature.kind, share)
            yield _numbers(column, own, compared)
    yield _target(subject)
    time = subject.task.time_column
    if held.at is not None and time not in {None, *signature.names}:
        yield _time(str(time), held, None if other is None else other.at)
    shown = {*signature.names, signature.target.name, time}
    for name in subject.task.protected:
        if name not in shown:
            yield _protected(name, held, other)


def _target(subject: Subject) -> ColumnFacts:
    held, other, target = subject.reference, subject.evaluation, subject.signature.target
    stored, name = _stored(held, target.name), target.name
    if not subject.classification:
        share = _of(int(np.isinf(held.labels).sum()), int((~np.isnan(held.labels)).sum()))
        theirs = None if other is None else other.labels
        column = _Column(name, "target", stored, FeatureKind.NUMBER, share)
        return _numbers(column, held.labels, theirs)
    names = [class_name(label) for label in target.classes]

    def classes(labels: Floats) -> Texts:
        return counted([None if np.isnan(at) else names[int(at)] for at in labels.tolist()])

    present = held.labels.size - held.table[name].null_count
    share = _of(max(0, present - int(np.isfinite(held.labels).sum())), present)
    column = _Column(name, "target", stored, FeatureKind.CATEGORY, share)
    return _texts(column, classes(held.labels), None if other is None else classes(other.labels))


def _time(name: str, held: Sampled, theirs: Floats | None) -> ColumnFacts:
    at = np.empty(0) if held.at is None else held.at
    return ColumnFacts(
        name=name,
        part="time",
        kind=None,
        stored_as=_stored(held, name),
        missing=_of(int(np.isnan(at).sum()), at.size),
        distinct=int(np.unique(at[~np.isnan(at)]).size),
        outside=0.0,
        bars=time_bars(at, theirs),
    )


def _protected(name: str, held: Sampled, other: Sampled | None) -> ColumnFacts:
    stored = _stored(held, name)
    if is_number(held.table[name].type):
        theirs = None if other is None else numbers_in_column(other, name)
        own = numbers_in_column(held, name)
        return _numbers(_Column(name, "protected", stored, FeatureKind.NUMBER), own, theirs)
    compared = None if other is None else counted(other.protected[name])
    column = _Column(name, "protected", stored, FeatureKind.CATEGORY)
    return _texts(column, counted(held.protected[name]), compared)


def _numbers(column: _Column, own: Floats, theirs: Floats | None) -> ColumnFacts:
    finite = own[np.isfinite(own)]
    values, counts = np.unique(finite + 0.0, return_counts=True)
    named = truth_text if column.kind is FeatureKind.BOOLEAN else number_text
    common = Counter[str]()
    if values.size <= FEW:
        common.update(dict(zip(map(named, values.tolist()), counts.tolist(), strict=True)))
    ends = np.quantile(finite, [0.0, 0.25, 0.5, 0.75, 1.0]).tolist() if finite.size else None
    with np.errstate(all="ignore"):
        mean = _finite(finite.mean()) if finite.size else None
        deviation = _finite(finite.std(ddof=1)) if finite.size > 1 else None
    return ColumnFacts(
        name=column.name,
        part=column.part,
        kind=column.kind,
        stored_as=column.stored_as,
        missing=_of(int(np.isnan(own).sum()), own.size),
        distinct=int(values.size),
        outside=column.outside,
        mean=mean,
        deviation=deviation,
        minimum=None if ends is None else ends[0],
        quartiles=None if ends is None else (ends[1], ends[2], ends[3]),
        maximum=None if ends is None else ends[4],
        commonest=_commonest(common),
        bars=number_bars(own, theirs, named, whole=column.kind is FeatureKind.INTEGER),
    )


def _texts(column: _Column, own: Texts, theirs: Texts | None) -> ColumnFacts:
    return ColumnFacts(
        name=column.name,
        part=column.part,
        kind=column.kind,
        stored_as=column.stored_as,
        missing=_of(own.missing, own.rows),
        distinct=len(own.counts),
        outside=column.outside,
        commonest=_commonest(own.counts),
        bars=text_bars(own.counts, None if theirs is None else theirs.counts),
    )


def _commonest(counts: Counter[str]) -> tuple[tuple[str, float], ...]:
    order = sorted(counts, key=lambda name: (-counts[name], name))[:_COMMONEST]
    return tuple((short(name), counts[name] / counts.total()) for name in order)


def _stored(sampled: Sampled, name: str) -> str:
    return str(sampled.table.schema.field(name).type)


def _of(hits: int, rows: int) -> float:
    return hits / rows if rows else 0.0


def _finite(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None
