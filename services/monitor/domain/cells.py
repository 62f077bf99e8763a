"""Cells: what was counted of the rows of one minute. Cells add, in any order and any split.

A cell holds mergeable counts and nothing else: no rates, no decisions. That is the seam for
statistics to come: they read the sum of whichever cells they like.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Protocol, Self, TypeVar

import numpy as np

from services.monitor.domain.latency import LatencyTally
from understudy.contracts.vocabulary import Role
from understudy.profiles.arrays import Counts, Floats
from understudy.profiles.firsts import Hashes
from understudy.profiles.moments import SUMS
from understudy.profiles.reference import Reference

Speaker = tuple[Role, int]
"""A version in the part that it played when it answered."""
HOUR: Final = 60
"""Minutes."""
Couple = tuple[int, int]
"""A main and one challenger."""


class Additive(Protocol):
    """What adds to its like."""

    def __add__(self, other: Self, /) -> Self: ...


Key = TypeVar("Key")
Sum = TypeVar("Sum", bound=Additive)


@dataclass(frozen=True, slots=True, eq=False)
class OutputTally:
    """What one version answered."""

    rows: int
    errors: int
    classes: Mapping[str, int]
    scores: Counts
    """On the reference's output bins; empty where it has none."""
    sums: Floats
    latency: LatencyTally

    def __add__(self, other: "OutputTally") -> "OutputTally":
        return OutputTally(
            rows=self.rows + other.rows,
            errors=self.errors + other.errors,
            classes=added(self.classes, other.classes),
            scores=self.scores + other.scores,
            sums=self.sums + other.sums,
            latency=self.latency + other.latency,
        )


@dataclass(frozen=True, slots=True, eq=False)
class AgreementTally:
    """A main and a challenger on the same rows."""

    rows: int
    """That both answered."""
    agreed: int
    compared: int
    """Rows in which both gave a number to take the difference of."""
    difference: float
    """Sum of the absolute differences."""
    faults: "FaultTally"
    timed: Counts
    """Rows that both scored alone, in turn: main's bucket of latency × challenger's, flat."""

    def __add__(self, other: "AgreementTally") -> "AgreementTally":
        return AgreementTally(
            rows=self.rows + other.rows,
            agreed=self.agreed + other.agreed,
            compared=self.compared + other.compared,
            difference=self.difference + other.difference,
            faults=self.faults + other.faults,
            timed=self.timed + other.timed,
        )


@dataclass(frozen=True, slots=True)
class FaultTally:
    """What only one of both did wrong, among `asked` rows that both were asked.

    An invalid answer is one that came, but is no number, or whose probabilities are none.
    """

    asked: int
    main_failed: int
    challenger_failed: int
    main_invalid: int
    challenger_invalid: int

    def __add__(self, other: "FaultTally") -> "FaultTally":
        return FaultTally(
            self.asked + other.asked,
            self.main_failed + other.main_failed,
            self.challenger_failed + other.challenger_failed,
            self.main_invalid + other.main_invalid,
            self.challenger_invalid + other.challenger_invalid,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """Everything counted of one deployment, on one reference."""

    rows: int
    counts: Counts
    """The features' tallies one after another, at the reference's offsets."""
    sums: Floats
    """One row per feature: n, Σd, Σd² (see `moments`)."""
    outputs: Mapping[Speaker, OutputTally]
    agreements: Mapping[Couple, AgreementTally]
    firsts: "Firsts | None" = None
    """Where the reference tells entities apart: what drift is looked for in."""

    def __add__(self, other: "Cell") -> "Cell":
        return Cell(
            rows=self.rows + other.rows,
            counts=self.counts + other.counts,
            sums=self.sums + other.sums,
            outputs=added(self.outputs, other.outputs),
            agreements=added(self.agreements, other.agreements),
            firsts=_sum(self.firsts, other.firsts),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Firsts:
    """The first of each entity's rows in a minute, as the log has them."""

    cell: Cell
    """Of the main's rows alone."""
    known: Hashes
    """Whose entities' rows they are; empty once the minute is long over."""

    def __add__(self, other: "Firsts") -> "Firsts":
        return Firsts(self.cell + other.cell, np.union1d(self.known, other.known))


@dataclass(frozen=True, slots=True, order=True)
class CellId:
    """From which minute since the epoch, on which reference's layout, for how long."""

    minute: int
    fingerprint: str
    minutes: int = 1

    @property
    def hour(self) -> "CellId":
        """The cell of the whole hour that it lies in."""
        return CellId(hour_of(self.minute), self.fingerprint, HOUR)


def hour_of(minute: int) -> int:
    """The first minute of the hour."""
    return minute - minute % HOUR


def empty_cell(reference: Reference) -> Cell:
    """The cell of no rows."""
    counts = np.zeros(reference.offsets[-1], dtype=np.int64)
    return Cell(0, counts, np.zeros((len(reference.features), SUMS)), {}, {})


def without_entities(cell: Cell) -> Cell:
    """The same counts, once nobody needs to know whose they are."""
    if cell.firsts is None:
        return cell
    return replace(cell, firsts=Firsts(cell.firsts.cell, np.zeros(0, dtype=np.uint64)))


def _sum(mine: Firsts | None, theirs: Firsts | None) -> Firsts | None:
    return mine + theirs if mine and theirs else mine or theirs


def added(mine: Mapping[Key, Sum], theirs: Mapping[Key, Sum]) -> dict[Key, Sum]:
    """Both mappings, values of the same key added."""
    result = dict(mine)
    for key, value in theirs.items():
        held = result.get(key)
        result[key] = value if held is None else held + value
    return result
