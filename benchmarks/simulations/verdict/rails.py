"""Guard-rails: challengers vetoed for nothing and for cause; mains rolled back for nothing, late.

A challenger's rail bets on what only one of both did wrong; the main's rails look for a change over
minutes of 100 rows, of which a day is kept.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator

from benchmarks.simulations.verdict.tables import Scale, Table, median, share
from benchmarks.simulations.verdict.wealth import first, running_sums
from services.monitor.domain.deciding.rails import RUN_LENGTH, Allowance
from services.monitor.domain.statistics.betting import STAKES, log_evidence_of_share
from services.monitor.domain.statistics.spectrum import HALF_STEP
from services.monitor.domain.statistics.suffixes import retained_starts, suffix_sums
from understudy.contracts.judging import GuardRails
from understudy.profiles.arrays import Counts, Floats

ROWS_A_MINUTE: Final = 100
KEPT_MINUTES: Final = 1_440
_EDGES: Final = np.array([0.01])
_MAIN_THRESHOLD: Final = math.log(RUN_LENGTH * 2)


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong in a share of rows."""

    name: str
    main: float
    """Share of rows in which only the main goes wrong."""
    allowed: float


FAULTS: Final = (
    Fault("errors", 0.001, 0.01),
    Fault("invalid", 0.0, 0.001),
    Fault("slow", 0.005, 0.01),
)


def vetoes(scale: Scale, rng: Generator) -> Table:
    """A challenger whose excess is none, just what is allowed, and more."""
    threshold = Allowance(GuardRails(), _EDGES, 0.05, 1).challenger_threshold
    rows = []
    for fault in FAULTS:
        for times in (0.0, 1.0, 2.0, 5.0):
            parts = [
                first(_veto_evidence(fault, times, runs, scale.labels, rng) >= threshold)
                for runs in scale.pieces
            ]
            found = np.concatenate(parts)
            told = f"{fault.name}, {fault.allowed:.1%} allowed"
            rows.append((told, f"{times:g} ×", share(found), median(found, scale.labels)))
    columns = ("rail", "excess, of the allowance", "vetoed", "median rows")
    return Table(f"Vetoes, up to {scale.labels:,} rows, a look every 50", columns, rows)


def _veto_evidence(fault: Fault, times: float, runs: int, rows: int, rng: Generator) -> Floats:
    drawn = rng.random((runs, rows))
    theirs = fault.main + times * fault.allowed
    challenger, main = drawn < theirs, (drawn >= theirs) & (drawn < theirs + fault.main)
    plus, minus = running_sums(challenger.astype(float)), running_sums(main.astype(float))
    neither = 50.0 * np.arange(1, plus.shape[1] + 1) - plus - minus
    scale = 1.0 + fault.allowed + HALF_STEP
    gains = [(at - HALF_STEP - fault.allowed) / scale for at in (1.0, -1.0, 0.0)]
    total = np.full(plus.shape, -np.inf)
    for stake in STAKES:
        win, lose, idle = (math.log1p(stake * gain) for gain in gains)
        total = np.logaddexp(total, plus * win + minus * lose + neither * idle)
    return np.asarray(total - math.log(STAKES.size))


@dataclass(frozen=True, slots=True)
class Traffic:
    """Shares of rows that fail, before and after a change at `KEPT_MINUTES`/2."""

    name: str
    before: float
    after: float
    bursts: float | None = None
    """Shape of a gamma distribution that minutes' shares are drawn from; None: all the same."""

    def minutes(self, rng: Generator, runs: int, minutes: int) -> Counts:
        """(minutes, runs, 2): failed rows, rows."""
        share = np.where(np.arange(minutes) < KEPT_MINUTES // 2, self.before, self.after)
        shares = np.repeat(share[:, None], runs, axis=1)
        if self.bursts is not None:
            shares = np.minimum(1.0, shares * rng.gamma(self.bursts, 1 / self.bursts, shares.shape))
        failed = rng.binomial(ROWS_A_MINUTE, shares)
        return np.stack([failed, np.full_like(failed, ROWS_A_MINUTE)], axis=-1).astype(np.int64)


QUIET: Final = (
    Traffic("at the allowed 1 %", 0.01, 0.01),
    Traffic("at half of it", 0.005, 0.005),
    Traffic("at half of it, in bursts (gamma, shape 0.5)", 0.005, 0.005, bursts=0.5),
)
CHANGES: Final = (
    Traffic("0.2 % to 2 % (2 ×)", 0.002, 0.02),
    Traffic("0.2 % to 5 % (5 ×)", 0.002, 0.05),
    Traffic("0.2 % to 50 %", 0.002, 0.5),
)


def false_roll_backs(scale: Scale, rng: Generator) -> Table:
    """How many of the runs are ever rolled back although nothing is wrong."""
    minutes = scale.labels * 50 // ROWS_A_MINUTE
    rows = []
    for traffic in QUIET:
        alarms = _alarms(traffic.minutes(rng, scale.runs // 40, minutes))
        ended = int(np.isfinite(alarms).sum())
        rows.append((traffic.name, f"{ended} of {alarms.size}"))
    title = f"Mains rolled back for nothing in {minutes * ROWS_A_MINUTE:,} rows each"
    return Table(title, ("failing rows", "runs rolled back"), rows)


def roll_back_delay(scale: Scale, rng: Generator) -> Table:
    """How many rows after the change; a look every minute of 100 rows."""
    rows = []
    for traffic in CHANGES:
        runs = max(40, scale.runs // 10)
        delay = _alarms(traffic.minutes(rng, runs, KEPT_MINUTES)) - KEPT_MINUTES // 2
        late = float(np.quantile(delay, 0.95))
        middle = float(np.median(delay))
        early = float(np.mean(delay <= 0))
        told = [f"{at * ROWS_A_MINUTE:,.0f}" for at in (middle, late)]
        rows.append((traffic.name, *told, f"{early:.1%}"))
    columns = ("failing rows, 1 % allowed", "rows until rolled back, median", "95th percentile")
    return Table("A main that gets worse", (*columns, "before the change"), rows)


def _alarms(counts: Counts) -> Floats:
    """The first minute at whose end the main's rail is crossed; as `deciding.rails` reads it."""
    found = np.full(counts.shape[1], np.inf)
    for end in range(1, counts.shape[0] + 1):
        numbers = np.arange(max(0, end - KEPT_MINUTES), end)
        starts = retained_starts(numbers, end - 1)
        sums = suffix_sums(counts[numbers[0] : end], starts).astype(float)
        evidence = log_evidence_of_share(sums[..., 0], sums[..., 1], 0.01)
        crossed = np.logaddexp.reduce(evidence, axis=0) >= _MAIN_THRESHOLD
        found[crossed & np.isinf(found)] = end
    return found
