"""Evidence that live features go together otherwise than the reference's: a classifier that bets.

Formula: rows come in windows. Before a window is looked at, classifiers (`association`) are made
from the last window, and from the last 4, against one half of the reference. The window is split at
random; one half says where the fifths of each feature lie, the other is scored; then the other way
round. With scores g in [-1, 1] and a bound b on their mean, each of 24 stakes λ multiplies its
wealth by e = Π (1 + λ·(g - b)/(1 + b)), averaged over both directions and at most √A. Each
(classifier, stake) has a Shiryaev-Roberts sum R ← (1 + R)·e; the evidence is the mean of all R, and
there is an alarm from A on. b is the larger of two upper confidence bounds on the mean score of the
reference's other half (coded by the window's fifths, and by the reference's), plus a tolerance.
Source: two-sample testing by betting with a learned classifier: Podkopaev & Ramdas, "Sequential
predictive two-sample and independence testing", 2023; e-detectors: Shin, Ramdas & Rinaldo, 2024;
bounds by betting: see `bounds`.
Guarantee: while live rows are distributed as the reference's, the mean number of windows until an
alarm is at least A, with probability 1 - δ over the reference's rows, however long the stream:
each bound is over reference rows that its classifier has not seen, at level δ/(8·w·(w + 1)) for
the w-th window that is bet on, so that all of them hold at once. A reference that is reused costs
width of the bound, not validity. The limit on e keeps one odd window from alarming.
Assumes: rows are exchangeable (no clusters of alike rows, no seasons that the reference lacks).
Under drift of features by themselves there is no such guarantee: see the simulation.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import add
from typing import Final

import numpy as np

from services.monitor.domain.statistics.association import (
    Comparison,
    Pair,
    Singles,
    changed_pairs,
    compare,
    joint_counts,
    row_scores,
)
from services.monitor.domain.statistics.bounds import GRID, STAKES, counted, upper_bound
from services.monitor.domain.statistics.coding import (
    Codes,
    FeatureCoding,
    Table,
    codes_of,
    edges_of,
)
from understudy.profiles.arrays import Floats

HISTORIES: Final = (1, 4)
"""Windows that the classifiers are made from."""
THRESHOLD: Final = 1e4
"""A: windows between false alarms, at least, on average."""
LOG_THRESHOLD: Final = float(np.log(THRESHOLD))
_BOUNDS_PER_WINDOW: Final = 4 * len(HISTORIES)
_MOST_LOG: Final = LOG_THRESHOLD + 3.0
_QUIET_WINDOWS: Final = 4
"""So many windows without any pair, and the evidence begins anew."""


@dataclass(frozen=True, slots=True)
class Caution:
    """How much is granted to the reference."""

    risk: float = 1e-3
    """δ: chance, over the reference's rows, that any bound ever fails."""
    tolerance: float = 0.02
    """Mean score that is practically nothing: a balanced accuracy of 0.51."""


CAUTION: Final = Caution()


@dataclass(frozen=True, slots=True, eq=False)
class Yardstick:
    """A reference, split: one half teaches classifiers, the other bounds their scores."""

    codings: tuple[FeatureCoding, ...]
    edges: Sequence[Floats | None]
    """Of the taught half."""
    taught: Singles
    held: Table
    held_codes: Codes
    """By the reference's own fifths."""


@dataclass(frozen=True, slots=True, eq=False)
class Wealth:
    """All that the evidence is made of; small, and kept."""

    logs: Floats = field(default_factory=lambda: np.full((len(HISTORIES), STAKES.size), -np.inf))
    """Logarithms of R of each classifier and stake."""
    bets: int = 0
    """Windows that were bet on."""
    quiet: int = 0
    """Windows since any pair was found."""
    rising: float = 0.0
    """Evidence since `since`, never below 0."""
    since: float | None = None
    """When the rows that taught its first bet were answered, in seconds since the epoch."""

    @property
    def log_evidence(self) -> float:
        """Natural logarithm of the mean of all R; 0 at least."""
        return max(0.0, float(np.logaddexp.reduce(self.logs, axis=None) - np.log(self.logs.size)))


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What came of one window."""

    wealth: Wealth
    pairs: tuple[Pair, ...]
    """Of the longest history that found any, the strongest first."""
    taught: Comparison
    """What the window teaches later classifiers."""


def yardstick(codings: Sequence[FeatureCoding], reference: Table, seed: int = 0) -> Yardstick:
    """Split the reference's rows evenly, at random."""
    order = np.random.default_rng(seed).permutation(reference.values.shape[0])
    taught, held = np.array_split(order, 2)
    edges = edges_of(codings, reference.take(taught))
    return Yardstick(
        codings=tuple(codings),
        edges=edges,
        taught=joint_counts(codes_of(reference.take(taught), edges)),
        held=reference.take(held),
        held_codes=codes_of(reference.take(held), edges),
    )


def look(
    measure: Yardstick,
    history: Sequence[Comparison],
    wealth: Wealth,
    window: Table,
    *,
    taught_at: float,
    caution: Caution = CAUTION,
) -> Look:
    """Bet on a window with what the windows before it taught; `history` is oldest first.

    `taught_at` is when the rows of the window before began to be answered.
    """
    classifiers = [
        changed_pairs(reduce(add, history[-length:]), measure.taught) if history else ()
        for length in HISTORIES
    ]
    both = (edges_of(measure.codings, window), measure.edges)
    own = compare(tuple(codes_of(window, edges) for edges in both), measure.taught)
    pairs = next((found for found in reversed(classifiers) if found), ())
    if not pairs:
        return Look(_rested(wealth), (), own)
    gains = _gains(measure, classifiers, window, wealth.bets + 1, caution)
    return Look(_raised(wealth, gains, taught_at), pairs, own)


def _gains(
    measure: Yardstick,
    classifiers: Sequence[tuple[Pair, ...]],
    window: Table,
    bets: int,
    caution: Caution,
) -> Floats:
    """Logarithms of e of each classifier and stake."""
    caution = replace(caution, risk=caution.risk / (_BOUNDS_PER_WINDOW * bets * (bets + 1)))
    order = np.random.default_rng(bets).permutation(window.values.shape[0])
    ways = []
    for ruler, judged in (np.array_split(order, 2), np.array_split(order, 2)[::-1]):
        edges = edges_of(measure.codings, window.take(ruler))
        live, held = codes_of(window.take(judged), edges), codes_of(measure.held, edges)
        ways.append(
            [
                _log_products(row_scores(pairs, live), _bound(measure, pairs, held, caution))
                if pairs
                else np.zeros(STAKES.size)
                for pairs in classifiers
            ]
        )
    found: Floats = np.logaddexp(np.array(ways[0]), np.array(ways[1])) - np.log(2)
    return np.minimum(found, LOG_THRESHOLD / 2)


def _bound(measure: Yardstick, pairs: tuple[Pair, ...], held: Codes, caution: Caution) -> float:
    """The first holds whatever the window's fifths are; the second when only they moved."""
    both = (row_scores(pairs, held), row_scores(pairs, measure.held_codes))
    most = max(upper_bound(scores, caution.risk) for scores in both)
    return min(most + caution.tolerance, 0.999)


def _log_products(scores: Floats, bound: float) -> Floats:
    values, counts = counted(np.floor(scores * GRID))
    logs: Floats = np.log1p(np.multiply.outer(STAKES, (values - bound) / (1 + bound))) @ counts
    return logs


def _raised(wealth: Wealth, gains: Floats, taught_at: float) -> Wealth:
    logs = np.minimum(np.logaddexp(0.0, wealth.logs) + gains, _MOST_LOG)
    gain = float(np.logaddexp.reduce(gains, axis=None) - np.log(gains.size))
    rising = max(0.0, wealth.rising + gain)
    since = wealth.since or taught_at if rising > 0.0 else None
    return Wealth(logs, wealth.bets + 1, 0, rising, since)


def _rested(wealth: Wealth) -> Wealth:
    """Without a bet the sums still take in one start more; after long quiet they begin anew."""
    if wealth.quiet + 1 >= _QUIET_WINDOWS:
        return Wealth(bets=wealth.bets, quiet=wealth.quiet + 1)
    return replace(wealth, logs=np.logaddexp(0.0, wealth.logs), quiet=wealth.quiet + 1)
