"""Accounting for the log: state, plus what was read, gives the next state. Nothing is changed.

The change names the positions it starts from, so that a store can apply it exactly once.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from services.monitor.domain.cells import Cell, CellId, Speaker, added, hour_of, without_entities
from services.monitor.domain.latency import LatencyTally, tally_latency
from services.monitor.domain.measuring import (
    measure_firsts,
    measure_pairs,
    measure_predictions,
)
from services.monitor.domain.rows import (
    Indices,
    LabelRows,
    PairRows,
    PredictionRows,
    ProtectedRows,
    join_pairs,
    join_predictions,
    rows_by_minute,
)
from services.monitor.domain.rules import Rules
from understudy.contracts.vocabulary import Outcome, Role
from understudy.profiles.arrays import Floats
from understudy.profiles.firsts import Hashes
from understudy.profiles.reference import Reference

MINUTE = 60.0
CLOCK_SKEW_MINUTES = 5
"""Rows from further in the future than this come from a wrong clock."""
LATE_MINUTES = 10
"""Rows later than this count for drift even when their entity has been seen in their minute."""

ReferenceOf = Callable[[int], Reference]
"""Which reference the rows of a main version are counted on."""


@dataclass(frozen=True, slots=True)
class Positions:
    """Id of the last entry that was accounted for, by stream."""

    predictions: str = "0-0"
    pairs: str = "0-0"
    labels: str = "0-0"
    protected: str = "0-0"


@dataclass(frozen=True, slots=True)
class Totals:
    """Since the log began. These must equal what clients counted."""

    predictions: Mapping[int, int] = field(default_factory=dict)
    pairs: Mapping[tuple[int, str], int] = field(default_factory=dict)
    """By challenger and outcome."""
    labels: int = 0
    latency: Mapping[Speaker, LatencyTally] = field(default_factory=dict)
    untimely: int = 0
    """Rows that are in these totals but came too late (or too early) for a cell."""
    malformed: int = 0
    """Entries that could not be read, hence are in no figure."""
    label_received_at: float = 0.0
    """When the newest label came, in seconds since the epoch; 0 before any."""

    def __add__(self, other: "Totals") -> "Totals":
        return Totals(
            predictions=added(self.predictions, other.predictions),
            pairs=added(self.pairs, other.pairs),
            labels=self.labels + other.labels,
            latency=added(self.latency, other.latency),
            untimely=self.untimely + other.untimely,
            malformed=self.malformed + other.malformed,
            label_received_at=max(self.label_received_at, other.label_received_at),
        )


@dataclass(frozen=True, slots=True)
class State:
    """What is known of one deployment."""

    positions: Positions = Positions()
    totals: Totals = field(default_factory=Totals)
    cells: Mapping[CellId, Cell] = field(default_factory=dict)

    def after(self, change: "Change") -> "State":
        """The state once the change is stored."""
        kept = {name: cell for name, cell in self.cells.items() if name not in change.expired}
        return State(change.after, change.totals, {**kept, **change.cells})


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one look at the streams brought."""

    positions: Positions
    predictions: tuple[PredictionRows, ...] = ()
    pairs: tuple[PairRows, ...] = ()
    labels: tuple[LabelRows, ...] = ()
    protected: tuple[ProtectedRows, ...] = ()
    malformed: int = 0
    more: bool = False
    """Whether the look was cut short, so that more is waiting."""

    @property
    def mains(self) -> frozenset[int]:
        """Main versions whose rows are here."""
        return frozenset(rows.main for rows in self.predictions) | frozenset(
            rows.main for rows in self.pairs
        )


@dataclass(frozen=True, slots=True)
class Change:
    """From one state to the next: whole new values, not differences."""

    before: Positions
    after: Positions
    totals: Totals
    cells: Mapping[CellId, Cell]
    expired: frozenset[CellId]


@dataclass(frozen=True, slots=True)
class Horizon:
    """The first and the last minute that have cells."""

    first: int
    last: int
    open: int
    """From this minute on entities are told apart still."""


def horizon(now: float, retention_minutes: int) -> Horizon:
    """Cells reach back by the retention, and a little forward because clocks differ."""
    minute = int(now // MINUTE)
    first = minute - retention_minutes + 1
    return Horizon(first, minute + CLOCK_SKEW_MINUTES, max(first, minute - LATE_MINUTES + 1))


def account(  # noqa: PLR0917 - threads are handed positions
    state: State,
    delivery: Delivery,
    references: ReferenceOf,
    rules: Rules,
    now: float,
    begun: Collection[float] = (),
) -> Change:
    """Count what was delivered on top of the state.

    `begun`: times since which something is judged; the hours they lie in stay minutes.
    """
    edges, reach = rules.latency_edges, horizon(now, rules.retention_minutes)
    ledger = _Ledger(state.cells, reach)
    predictions = join_predictions(delivery.predictions)
    for answered in predictions:
        reference = references(answered.main)
        for minute, at in ledger.timely(answered.at):
            name, rows = CellId(minute, reference.fingerprint), answered.take(at)
            cell = measure_predictions(rows, reference, edges)
            if reference.entity is not None:
                firsts = measure_firsts(rows, reference, edges, ledger.known(name))
                cell = replace(cell, firsts=firsts)
            ledger.add(name, cell)
    pairs = join_pairs(delivery.pairs)
    for paired in pairs:
        reference = references(paired.main)
        for minute, at in ledger.timely(paired.at):
            cell = measure_pairs(paired.take(at), reference, edges)
            ledger.add(CellId(minute, reference.fingerprint), cell)
    halved = frozenset(hour_of(int(at // MINUTE)) for at in begun)
    ledger.condense(horizon(now, rules.history_minutes).first, halved)
    counted = _totals(predictions, pairs, edges)
    counted = replace(
        counted,
        labels=sum(len(labels.labels) for labels in delivery.labels),
        untimely=ledger.untimely,
        malformed=delivery.malformed,
        label_received_at=_newest(delivery.labels, now),
    )
    return Change(
        before=state.positions,
        after=delivery.positions,
        totals=state.totals + counted,
        cells=ledger.changed,
        expired=frozenset(ledger.expired),
    )


class _Ledger:
    """Collects what changes; cells of the state are added to, never altered."""

    def __init__(self, held: Mapping[CellId, Cell], reach: Horizon) -> None:
        self._held = held
        self._reach = reach
        self.changed: dict[CellId, Cell] = {}
        self.expired: set[CellId] = set()
        self.untimely = 0

    def timely(self, at: Floats) -> Iterable[tuple[int, Indices]]:
        """The rows of each minute that has a cell; the others are counted as untimely."""
        finite = np.where(np.isfinite(at), at, -np.inf)
        first, beyond = self._reach.first * MINUTE, (self._reach.last + 1) * MINUTE
        inside = (finite >= first) & (finite < beyond)
        self.untimely += int((~inside).sum())
        places = np.flatnonzero(inside)
        for minute, rows in rows_by_minute(at[places]).items():
            yield minute, places[rows]

    def add(self, name: CellId, cell: Cell) -> None:
        """Add to the minute's cell."""
        held = self._now(name)
        self.changed[name] = cell if held is None else held + cell

    def known(self, name: CellId) -> Hashes:
        """Entities that have a row in the minute; of no interest when it is long over."""
        held = self._now(name)
        if held is None or held.firsts is None:
            return np.zeros(0, dtype=np.uint64)
        return held.firsts.known

    def condense(self, oldest: int, halved: Collection[int]) -> None:
        """Add minutes that expire to their hours, let go of old hours, and of old entities.

        `halved`: first minutes of hours of which one part counts and another does not.
        """
        for name, cell in self._held.items():
            whole = name.hour.minute not in halved or name.minute < oldest
            if name.minutes > 1 and name.minute + name.minutes <= oldest:
                self.expired.add(name)
            elif name.minutes == 1 and name.minute < self._reach.first and whole:
                self.expired.add(name)
                if name.minute >= oldest:
                    self.add(name.hour, without_entities(cell))
            elif name.minute < self._reach.open and cell.firsts and cell.firsts.known.size:
                self.changed[name] = without_entities(self._now(name) or cell)

    def _now(self, name: CellId) -> Cell | None:
        return self.changed.get(name, self._held.get(name))


def _totals(
    predictions: Iterable[PredictionRows], pairs: Iterable[PairRows], edges: Floats
) -> Totals:
    totals = Totals()
    for answered in predictions:
        good = np.isfinite(answered.responses.values)
        latency = tally_latency(answered.seconds[good], edges)
        totals += Totals({answered.main: len(answered.ids)}, latency={_main(answered): latency})
    for paired in pairs:
        found = Counter(paired.outcomes)
        counts = {(paired.challenger, outcome): rows for outcome, rows in found.items()}
        latency = tally_latency(_succeeded_seconds(paired), edges)
        totals += Totals(pairs=counts, latency={(Role.CHALLENGER, paired.challenger): latency})
    return totals


def _newest(labels: Iterable[LabelRows], now: float) -> float:
    """When the newest came; by no wrong clock later than now. 0 without any."""
    came = (at for rows in labels for at in rows.received_at if np.isfinite(at))
    return min(now, max(came, default=0.0))


def _main(rows: PredictionRows) -> Speaker:
    return (Role.MAIN, rows.main)


def _succeeded_seconds(rows: PairRows) -> Floats:
    ok = np.array([outcome == Outcome.OK for outcome in rows.outcomes], dtype=bool)
    return rows.challenger_seconds[ok & np.isfinite(rows.challenger_responses.values)]
