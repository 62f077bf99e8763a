"""The product's detector on a stream: rows are counted into minutes, looked at after each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from benchmarks.simulations.drift.streams import SIGNATURE, Columns
from services.monitor.domain.cells import Cell, CellId, Firsts, empty_cell
from services.monitor.domain.drifting.detecting import detect, trail_of
from services.monitor.domain.drifting.planning import Plan, Setup, plan_drift
from understudy.contracts.judging import DriftTerms
from understudy.contracts.vocabulary import DriftStrata
from understudy.profiles.arrays import Counts, Floats
from understudy.profiles.bins import places_in
from understudy.profiles.columns import Column
from understudy.profiles.reference import Reference, build_reference

FIRST_MINUTE: Final = 28_000_000 - 28_000_000 % 1_440


@dataclass(frozen=True, slots=True)
class Alarm:
    """The first one of a stream."""

    rows: int
    """Of the stream until then."""
    subjects: tuple[str, ...]


def profile(columns: Columns, at: Floats | None = None, entity: str | None = None) -> Reference:
    """A reference of these rows."""
    return build_reference(SIGNATURE, columns, None, at, entity)


def plan(reference: Reference, strata: DriftStrata = DriftStrata.NONE) -> Plan:
    """With the default tolerance."""
    return plan_drift(Setup(reference, DriftTerms(strata=strata), (), {}, {}))


def first_alarm(
    found: Plan, columns: Columns, rows_a_minute: int, skip: int = 0, every: int = 1
) -> Alarm | None:
    """Look after each minute, or every so many; the first `skip` minutes are not looked at."""
    tallies = minute_tallies(found.setup.reference, columns, rows_a_minute)
    trail, cells = trail_of(found), dict[CellId, Cell]()
    for number, counts in enumerate(tallies):
        minute = FIRST_MINUTE + number
        cells[CellId(minute, found.setup.reference.fingerprint)] = _cell(found, counts)
        if number < skip or number % every != every - 1:
            continue
        evidence = detect(found, trail, cells, minute * 60.0).evidence
        if evidence is not None and evidence.alarm:
            names = [found.subjects[row].name for row in np.flatnonzero(evidence.alarms)]
            return Alarm((number + 1) * rows_a_minute, tuple(names))
    return None


def minute_tallies(reference: Reference, columns: Columns, rows_a_minute: int) -> Sequence[Counts]:
    """All features' tallies of each minute."""
    rows = len(columns["number_0"])
    minutes, width = rows // rows_a_minute, reference.offsets[-1]
    base = np.arange(minutes * rows_a_minute) // rows_a_minute * width
    total = np.zeros(minutes * width, dtype=np.int64)
    for feature, offset in zip(reference.features, reference.offsets, strict=False):
        places = places_in(feature.bins, columns[feature.name])[: base.size]
        total += np.bincount(base + offset + places, minlength=minutes * width)
    return [*total.reshape(minutes, width)]


def _cell(found: Plan, counts: Counts) -> Cell:
    """Where entities count apart, the caller has left out all but the first of their rows."""
    cell = replace(empty_cell(found.setup.reference), rows=1, counts=counts)
    if found.setup.reference.entity is None:
        return cell
    return replace(cell, firsts=Firsts(cell, np.zeros(0, dtype=np.uint64)))


def joined(first: Columns, second: Columns) -> Columns:
    """One after the other."""
    return {name: _joined(first[name], second[name]) for name in first}


def _joined(first: Column, second: Column) -> Column:
    if isinstance(first, np.ndarray) and isinstance(second, np.ndarray):
        return np.concatenate([first, second])
    return [*first, *second]
