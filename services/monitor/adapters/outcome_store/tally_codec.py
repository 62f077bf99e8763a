"""How a cohort's tally is written: a MessagePack record, deflated.

Counts are raw little-endian vectors, mostly zeros, which deflating takes out. Equal tallies give
equal bytes: keys are in order, and what counts nothing is not there.
"""

import zlib
from typing import Final

import msgspec
import numpy as np

from services.monitor.domain.outcomes.tallies import (
    SCORE_BINS,
    ClassCounts,
    CohortTally,
    CoupleTally,
    GroupTally,
    NumberSums,
    VersionTally,
)
from services.monitor.domain.statistics.spectrum import Spectrum
from understudy.profiles.arrays import Counts

SCHEMA: Final = 1
_LEVEL: Final = 1


class UnknownTallyError(Exception):
    """A tally was written by an Understudy that writes it otherwise."""


_Spectrum = tuple[bytes, bytes]


class _Classes(msgspec.Struct, frozen=True, array_like=True):
    confusion: bytes
    scores: bytes
    answered: bytes
    answered_scores: bytes
    labelled_scores: bytes
    sums: tuple[int, int, int, int]


class _Version(msgspec.Struct, frozen=True, array_like=True):
    version: int
    rows: int
    failed: int
    labelled: int
    lag: bytes
    losses: _Spectrum
    classes: _Classes | None
    numbers: list[str] | None
    """Decimal: they outgrow 64 bits."""


class _Couple(msgspec.Struct, frozen=True, array_like=True):
    challenger: int
    differences: _Spectrum
    clipped: int
    challenger_failed: int
    main_failed: int


class _Group(msgspec.Struct, frozen=True, array_like=True):
    key: tuple[int, str, str]
    counts: list[int]


class _Tally(msgspec.Struct, frozen=True, array_like=True):
    schema: int
    versions: list[_Version]
    couples: list[_Couple]
    groups: list[_Group]
    labels: list[tuple[str, str]]


def encode_tally(tally: CohortTally) -> bytes:
    """A cohort's tally as bytes."""
    held = _Tally(
        schema=SCHEMA,
        versions=[_version_out(who, part) for who, part in sorted(tally.versions.items())],
        couples=[
            _Couple(
                who,
                _spectrum_out(part.differences),
                part.clipped,
                part.challenger_failed,
                part.main_failed,
            )
            for who, part in sorted(tally.couples.items())
        ],
        groups=[
            _Group(key, [getattr(part, name) for name in GroupTally.__slots__])
            for key, part in sorted(tally.groups.items())
        ],
        labels=[(name, str(rows)) for name, rows in sorted(tally.labels.items())],
    )
    return zlib.compress(_ENCODER.encode(held), _LEVEL)


def decode_tally(data: bytes) -> CohortTally:
    """The inverse. Raises UnknownTallyError."""
    try:
        held = _DECODER.decode(zlib.decompress(data))
    except (msgspec.DecodeError, zlib.error) as error:
        raise UnknownTallyError(f"a tally can't be read: {error}") from error
    if held.schema != SCHEMA:
        raise UnknownTallyError(f"a tally has schema {held.schema}; this monitor knows {SCHEMA}")
    return CohortTally(
        versions={part.version: _version_in(part) for part in held.versions},
        couples={
            part.challenger: CoupleTally(
                _spectrum_in(part.differences),
                part.clipped,
                part.challenger_failed,
                part.main_failed,
            )
            for part in held.couples
        },
        groups={part.key: GroupTally(*part.counts) for part in held.groups},
        labels={name: int(rows) for name, rows in held.labels},
    )


def _version_out(who: int, part: VersionTally) -> _Version:
    numbers = part.numbers
    return _Version(
        version=who,
        rows=part.rows,
        failed=part.failed,
        labelled=part.labelled,
        lag=_counts_out(part.lag),
        losses=_spectrum_out(part.losses),
        classes=None if part.classes is None else _classes_out(part.classes),
        numbers=None
        if numbers is None
        else [str(getattr(numbers, name)) for name in NumberSums.__slots__],
    )


def _version_in(held: _Version) -> VersionTally:
    return VersionTally(
        rows=held.rows,
        failed=held.failed,
        labelled=held.labelled,
        lag=_counts_in(held.lag),
        losses=_spectrum_in(held.losses),
        classes=None if held.classes is None else _classes_in(held.classes),
        numbers=None if held.numbers is None else NumberSums(*map(int, held.numbers)),
    )


def _classes_out(part: ClassCounts) -> _Classes:
    return _Classes(
        confusion=_counts_out(part.confusion),
        scores=_counts_out(part.scores),
        answered=_counts_out(part.answered),
        answered_scores=_counts_out(part.answered_scores),
        labelled_scores=_counts_out(part.labelled_scores),
        sums=(part.brier, part.brier_squares, part.log_loss, part.log_loss_squares),
    )


def _classes_in(held: _Classes) -> ClassCounts:
    answered = _counts_in(held.answered)
    classes = answered.size
    return ClassCounts(
        _counts_in(held.confusion).reshape(classes, classes),
        _counts_in(held.scores).reshape(classes, SCORE_BINS, 2),
        answered,
        _counts_in(held.answered_scores).reshape(classes, SCORE_BINS),
        _counts_in(held.labelled_scores).reshape(classes, SCORE_BINS),
        *held.sums,
    )


def _spectrum_out(held: Spectrum) -> _Spectrum:
    return _counts_out(held.places), _counts_out(held.counts)


def _spectrum_in(held: _Spectrum) -> Spectrum:
    places, counts = held
    return Spectrum(_counts_in(places), _counts_in(counts))


def _counts_out(counts: Counts) -> bytes:
    return counts.astype("<i8", copy=False).tobytes()


def _counts_in(data: bytes) -> Counts:
    return np.frombuffer(data, dtype="<i8")


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_Tally)
