"""How state is written: MessagePack records with counts as raw little-endian vectors."""

from typing import Final, TypeVar

import msgspec
import numpy as np

from services.monitor.domain.accounting import Totals
from services.monitor.domain.cells import (
    AgreementTally,
    Cell,
    FaultTally,
    Firsts,
    OutputTally,
    Speaker,
)
from services.monitor.domain.latency import LatencyTally
from understudy.contracts.vocabulary import Role
from understudy.profiles.arrays import Counts, Floats, zeros
from understudy.profiles.firsts import Hashes
from understudy.profiles.moments import SUMS

SCHEMA: Final = 2


class UnknownStateError(Exception):
    """State was written by an Understudy that writes it otherwise."""


class _Latency(msgspec.Struct, frozen=True, array_like=True):
    role: Role
    version: int
    counts: bytes
    seconds: float


class _Output(msgspec.Struct, frozen=True, array_like=True):
    rows: int
    errors: int
    classes: dict[str, int]
    scores: bytes
    sums: bytes
    latency: _Latency


class _Agreement(msgspec.Struct, frozen=True, array_like=True):
    main: int
    challenger: int
    rows: int
    agreed: int
    compared: int
    difference: float
    faults: tuple[int, int, int, int, int]
    timed: dict[int, int]
    """The buckets that are not empty, of so many as `timed_width` says."""
    timed_width: int


class _Cell(msgspec.Struct, frozen=True, array_like=True):
    schema: int
    rows: int
    counts: bytes
    sums: bytes
    outputs: list[_Output]
    agreements: list[_Agreement]
    firsts: "tuple[_Cell, bytes] | None" = None


class _Totals(msgspec.Struct, frozen=True, array_like=True):
    schema: int
    predictions: dict[int, int]
    pairs: list[tuple[int, str, int]]
    labels: int
    latency: list[_Latency]
    untimely: int
    malformed: int
    label_received_at: float = 0.0
    """What was stored before there was such a member goes without."""


Held = TypeVar("Held", _Cell, _Totals)


def encode_cell(cell: Cell) -> bytes:
    """A cell as bytes."""
    return _ENCODER.encode(_cell_out(cell))


def decode_cell(data: bytes) -> Cell:
    """The inverse. Raises UnknownStateError."""
    return _cell_in(_checked(data, _CELL))


def _cell_out(cell: Cell) -> _Cell:
    firsts = cell.firsts
    return _Cell(
        schema=SCHEMA,
        rows=cell.rows,
        counts=_counts_out(cell.counts),
        sums=_floats_out(cell.sums),
        outputs=[_output_out(*item) for item in cell.outputs.items()],
        agreements=[
            _agreement_out(main, challenger, held)
            for (main, challenger), held in cell.agreements.items()
        ],
        firsts=None if firsts is None else (_cell_out(firsts.cell), _hashes_out(firsts.known)),
    )


def _cell_in(held: _Cell) -> Cell:
    firsts = held.firsts
    return Cell(
        rows=held.rows,
        counts=_counts_in(held.counts),
        sums=_floats_in(held.sums).reshape(-1, SUMS),
        outputs={
            (output.latency.role, output.latency.version): _output_in(output)
            for output in held.outputs
        },
        agreements={
            (found.main, found.challenger): _agreement_in(found) for found in held.agreements
        },
        firsts=None if firsts is None else Firsts(_cell_in(firsts[0]), _hashes_in(firsts[1])),
    )


def _output_out(speaker: Speaker, tally: OutputTally) -> _Output:
    return _Output(
        rows=tally.rows,
        errors=tally.errors,
        classes=dict(tally.classes),
        scores=_counts_out(tally.scores),
        sums=_floats_out(tally.sums),
        latency=_latency_out(*speaker, tally.latency),
    )


def _output_in(held: _Output) -> OutputTally:
    return OutputTally(
        rows=held.rows,
        errors=held.errors,
        classes=held.classes,
        scores=_counts_in(held.scores),
        sums=_floats_in(held.sums),
        latency=_latency_in(held.latency),
    )


def encode_totals(totals: Totals) -> bytes:
    """Totals as bytes."""
    return _ENCODER.encode(
        _Totals(
            schema=SCHEMA,
            predictions=dict(totals.predictions),
            pairs=[(version, outcome, n) for (version, outcome), n in totals.pairs.items()],
            labels=totals.labels,
            latency=[_latency_out(role, v, t) for (role, v), t in totals.latency.items()],
            untimely=totals.untimely,
            malformed=totals.malformed,
            label_received_at=totals.label_received_at,
        )
    )


def decode_totals(data: bytes) -> Totals:
    """The inverse. Raises UnknownStateError."""
    held = _checked(data, _TOTALS)
    return Totals(
        predictions=held.predictions,
        pairs={(version, outcome): rows for version, outcome, rows in held.pairs},
        labels=held.labels,
        latency={(found.role, found.version): _latency_in(found) for found in held.latency},
        untimely=held.untimely,
        malformed=held.malformed,
        label_received_at=held.label_received_at,
    )


def _checked(data: bytes, decoder: "msgspec.msgpack.Decoder[Held]") -> Held:
    try:
        held = decoder.decode(data)
    except msgspec.DecodeError as error:
        raise UnknownStateError(f"state can't be read: {error}") from error
    if held.schema != SCHEMA:
        raise UnknownStateError(f"state has schema {held.schema}; this monitor knows {SCHEMA}")
    return held


def _agreement_out(main: int, challenger: int, held: AgreementTally) -> _Agreement:
    faults = held.faults
    used = np.flatnonzero(held.timed)
    return _Agreement(
        main=main,
        challenger=challenger,
        rows=held.rows,
        agreed=held.agreed,
        compared=held.compared,
        difference=held.difference,
        faults=(
            *(faults.asked, faults.main_failed, faults.challenger_failed),
            *(faults.main_invalid, faults.challenger_invalid),
        ),
        timed=dict(zip(used.tolist(), held.timed[used].tolist(), strict=True)),
        timed_width=held.timed.size,
    )


def _agreement_in(held: _Agreement) -> AgreementTally:
    timed = zeros(held.timed_width)
    timed[[*held.timed]] = [*held.timed.values()]
    return AgreementTally(
        rows=held.rows,
        agreed=held.agreed,
        compared=held.compared,
        difference=held.difference,
        faults=FaultTally(*held.faults),
        timed=timed,
    )


def _latency_out(role: Role, version: int, tally: LatencyTally) -> _Latency:
    return _Latency(role, version, _counts_out(tally.counts), tally.seconds)


def _latency_in(held: _Latency) -> LatencyTally:
    return LatencyTally(_counts_in(held.counts), held.seconds)


def _counts_out(counts: Counts) -> bytes:
    return counts.astype("<i8", copy=False).tobytes()


def _counts_in(data: bytes) -> Counts:
    return np.frombuffer(data, dtype="<i8")


def _hashes_out(hashes: Hashes) -> bytes:
    return hashes.astype("<u8", copy=False).tobytes()


def _hashes_in(data: bytes) -> Hashes:
    return np.frombuffer(data, dtype="<u8")


def _floats_out(values: Floats) -> bytes:
    return values.astype("<f8", copy=False).tobytes()


def _floats_in(data: bytes) -> Floats:
    return np.frombuffer(data, dtype="<f8")


_ENCODER = msgspec.msgpack.Encoder()
_CELL = msgspec.msgpack.Decoder(_Cell)
_TOTALS = msgspec.msgpack.Decoder(_Totals)
