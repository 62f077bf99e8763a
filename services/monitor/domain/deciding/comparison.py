"""Main against one challenger: is it better, worse, or as good, by the losses of the same rows?

Formula: d = (main's loss - challenger's) / clip, clipped to [-1, 1], of matured labelled rows.
Better, once the evidence that E[d] > 0 reaches 2k/α; worse, once that for E[d] < 0 does; as good,
once the evidence that |E[d]| < margin reaches k/α; with k challengers.
Source: `statistics.betting`; the union bound over both sides and all challengers; for "as good"
both one-sided tests must reject, which needs no share of α (Berger's intersection-union test).
Guarantee: while a challenger's d has mean 0 given what came before, the chance that any of k is
ever called better or worse, however often one looks, is at most α, as long as k stays what it is;
challengers that are added one by one spend up to α·(1 + 1/2 + … + 1/k). "As good" has an α of its
own.
Assumes: losses of matured cohorts, in the order of prediction, have the same sign of conditional
mean. Labels that never come must not depend on the loss (see the selection warning).
The shown interval is an asymptotic confidence sequence (Waudby-Smith, Arbour, Sinha, Kennedy &
Ramdas, "Time-uniform central limit theory", 2024): for display, nothing is decided by it.
"""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

from services.monitor.domain.deciding.judgement import ComparisonReading, RailReading
from services.monitor.domain.deciding.terms import Terms
from services.monitor.domain.statistics.betting import (
    STAKES,
    log_evidence_above,
    log_evidence_below,
    log_evidence_within,
    log_mean,
)
from services.monitor.domain.statistics.intervals import Interval
from services.monitor.domain.statistics.spectrum import HALF_STEP, Spectrum
from understudy.contracts.vocabulary import RuleName, Verdict
from understudy.profiles.arrays import Floats

SHOWN_ALPHA: Final = 0.05
_TIGHTEST_AT: Final = 2_000
"""The interval is narrowest, for what it promises, around so many labels."""
_FEWEST_SHOWN: Final = 100
_MOST_EXPECTED: Final = 10_000_000


@dataclass(frozen=True, slots=True)
class Contest:
    """What one challenger is compared on."""

    challenger: int
    release: int
    """That began the comparison."""
    since: datetime
    until: datetime
    matured: Spectrum
    """Of d."""
    waiting: int
    """Labelled pairs that have not matured."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """For each of the three hypotheses, as natural logarithms."""

    better: float
    worse: float
    equivalent: float


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Natural logarithms that evidence must reach."""

    decided: float
    equivalent: float


def thresholds(alpha: float, challengers: int) -> Thresholds:
    """Shared among challengers, and among better and worse."""
    shared = math.log(max(1, challengers) / alpha)
    return Thresholds(decided=shared + math.log(2.0), equivalent=shared)


def compare(
    contest: Contest, terms: Terms, challengers: int, rails: tuple[RailReading, ...] = ()
) -> ComparisonReading:
    """Read what the labels say; rails can only take a promotion away."""
    found = contest.matured
    margin = min(1.0, terms.margin / terms.clip)
    evidence = Evidence(
        log_evidence_above(found), log_evidence_below(found), log_evidence_within(found, margin)
    )
    asked = thresholds(terms.alpha, challengers)
    rule = _rule(found.rows, terms.minimum_labels, evidence, asked)
    return ComparisonReading(
        challenger=contest.challenger,
        rule=_vetoed(rule, rails),
        verdict=_verdict(rule, rails),
        labels=found.rows,
        waiting=contest.waiting,
        difference=interval(found, terms.clip),
        log_evidence_better=evidence.better,
        log_evidence_worse=evidence.worse,
        log_evidence_equivalent=evidence.equivalent,
        threshold=asked.decided,
        equivalence_threshold=asked.equivalent,
        expected_labels=_expected(found, margin, asked, terms.minimum_labels),
        rails=rails,
        since=contest.since,
        until=contest.until,
        release=contest.release,
        state=found.sparse(),
    )


def interval(found: Spectrum, clip: float) -> Interval | None:
    """Of the mean difference in units of the loss; absent with few labels.

    Formula: μ ± σ·√(2(nρ² + 1)/(n²ρ²)·ln(√(nρ² + 1)/α)), ρ tuned to be tight at `_TIGHTEST_AT`.
    """
    n = found.rows
    if n < _FEWEST_SHOWN:
        return None
    loose = -2 * math.log(SHOWN_ALPHA)
    rho = (loose + math.log(loose + 1)) / _TIGHTEST_AT
    grown = n * rho + 1
    spread = math.sqrt(2 * grown / (n * n * rho) * math.log(math.sqrt(grown) / SHOWN_ALPHA))
    half = math.sqrt(max(found.variance, HALF_STEP**2)) * spread
    return Interval(
        value=found.mean * clip,
        low=max(-1.0, found.mean - half) * clip,
        high=min(1.0, found.mean + half) * clip,
    )


def _rule(labels: int, minimum: int, evidence: Evidence, asked: Thresholds) -> RuleName:
    if not labels:
        return RuleName.NO_LABELS
    if labels < minimum:
        return RuleName.TOO_FEW_LABELS
    if evidence.better >= asked.decided:
        return RuleName.BETTER
    if evidence.worse >= asked.decided:
        return RuleName.WORSE
    return RuleName.EQUIVALENT if evidence.equivalent >= asked.equivalent else RuleName.UNDECIDED


def _vetoed(rule: RuleName, rails: tuple[RailReading, ...]) -> RuleName:
    """A crossed rail is the reason, unless the labels had already decided against it."""
    crossed = next((rail.rule for rail in rails if rail.crossed), None)
    return rule if crossed is None or rule is RuleName.WORSE else crossed


def _verdict(rule: RuleName, rails: tuple[RailReading, ...]) -> Verdict:
    if rule is RuleName.WORSE or any(rail.crossed for rail in rails):
        return Verdict.KEEP
    match rule:
        case RuleName.BETTER:
            return Verdict.PROMOTE
        case RuleName.EQUIVALENT:
            return Verdict.EQUIVALENT
        case RuleName.NO_LABELS:
            return Verdict.NO_DATA
        case _:
            return Verdict.WAIT


def _expected(found: Spectrum, margin: float, asked: Thresholds, minimum: int) -> int | None:
    """How many more labels until the first of the hypotheses is decided, at the present pace.

    Formula: (threshold - evidence) / (growth per label of the best stake), the least of all.
    """
    n = found.rows
    if n < _FEWEST_SHOWN:
        return None
    needs = (
        (found.values - HALF_STEP, asked.decided),
        (-found.values - HALF_STEP, asked.decided),
    )
    alone = [_still(staked, found, threshold) for staked, threshold in needs]
    sides = ((side + margin - HALF_STEP) / (1 + margin) for side in (found.values, -found.values))
    both = max(_still(staked, found, asked.equivalent) for staked in sides)
    least = max(min(*alone, both), float(minimum - n), 0.0)
    return None if least > _MOST_EXPECTED else math.ceil(least)


def _still(staked: Floats, found: Spectrum, to: float) -> float:
    wealth: Floats = np.log1p(np.multiply.outer(STAKES, staked)) @ found.counts.astype(np.float64)
    pace = float(wealth.max()) / found.rows
    return max(0.0, to - log_mean(wealth)) / pace if pace > 0 else math.inf
