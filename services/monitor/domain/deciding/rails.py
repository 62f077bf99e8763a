"""Guard-rails: what a version does wrong, whatever its labels say.

A challenger's rails are paired with the main on the same rows and can only veto. The main's own
rails look for a change since some minute, and speak for rolling back.

Formula: challenger: d in {-1, 0, 1} is 1 where only the challenger went wrong and -1 where only the
main did; crossed once the evidence that E[d] is above what is allowed reaches 4k/α (four rails, k
challengers). Main: Σ over the minutes j of the evidence that more than the allowed share of the
rows since j went wrong; crossed once it reaches `RUN_LENGTH` times the number of rails.
Source: `statistics.betting`, `statistics.suffixes`.
Guarantee: a challenger within its allowance is ever vetoed with a chance of at most α (as far as
cells reach back: what is older is forgotten); a main within its allowance is accused once in
`RUN_LENGTH` minutes with traffic, on average, at most.
Assumes: the chance of going wrong, given what came before, stays within the allowance.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np

from services.monitor.domain.cells import AgreementTally, FaultTally, OutputTally
from services.monitor.domain.deciding.judgement import RailReading
from services.monitor.domain.statistics.betting import log_evidence_above, log_evidence_of_share
from services.monitor.domain.statistics.spectrum import STEPS, Spectrum, read_spectrum
from services.monitor.domain.statistics.suffixes import (
    log_change_evidence,
    retained_starts,
    suffix_sums,
)
from understudy.contracts.judging import GuardRails
from understudy.contracts.vocabulary import RuleName
from understudy.profiles.arrays import Counts, Floats

RUN_LENGTH: Final = 5_256_000
"""Ten years of minutes."""
MINUTE: Final = 60.0
_MAIN_RAILS: Final = 2
_CHALLENGER_RAILS: Final = 4


@dataclass(frozen=True, slots=True)
class Allowance:
    """What rails allow, with what they need to read counts."""

    rails: GuardRails
    edges: Floats
    """Of latency buckets, in seconds."""
    alpha: float
    challengers: int

    @property
    def slow_bucket(self) -> int | None:
        """Buckets beyond this one are slow: the objective rounded up to a bucket's edge."""
        if self.rails.slow_seconds is None:
            return None
        return int(np.searchsorted(self.edges, self.rails.slow_seconds, side="left"))

    @property
    def challenger_threshold(self) -> float:
        """Natural logarithm."""
        return math.log(_CHALLENGER_RAILS * max(1, self.challengers) / self.alpha)


def challenger_rails(
    challenger: int, tally: AgreementTally, allowed: Allowance
) -> tuple[RailReading, ...]:
    """Errors, invalid answers, and misses of the latency objective when there is one."""
    faults, rails = tally.faults, allowed.rails
    found = [
        _paired(RuleName.ERRORS, challenger, _failures(faults), rails.errors, allowed),
        _paired(RuleName.INVALID, challenger, _invalid(faults), rails.invalid, allowed),
    ]
    if allowed.slow_bucket is not None:
        misses = _misses(tally.timed, allowed)
        found.append(_paired(RuleName.SLOW, challenger, misses, rails.slow, allowed))
    return tuple(found)


def main_rails(
    main: int, minutes: Mapping[int, OutputTally], allowed: Allowance
) -> tuple[RailReading, ...]:
    """Errors and slowness of the main by minute, since it became main."""
    if not minutes:
        return ()
    numbers = np.array(sorted(minutes), dtype=np.int64)
    tallies = [minutes[int(number)] for number in numbers]
    failed = np.array([(tally.errors, tally.rows) for tally in tallies], dtype=np.int64)
    found = [_changed(RuleName.ERRORS, main, numbers, failed, allowed.rails.errors)]
    if (bucket := allowed.slow_bucket) is not None:
        slow = [(tally.latency.counts[bucket + 1 :].sum(), tally.latency.rows) for tally in tallies]
        missed = np.array(slow, dtype=np.int64)
        found.append(_changed(RuleName.SLOW, main, numbers, missed, allowed.rails.slow))
    return tuple(found)


def crossed(rails: Iterable[RailReading]) -> RailReading | None:
    """The one with the strongest evidence among those that are crossed."""
    over = [rail for rail in rails if rail.crossed]
    return max(over, key=lambda rail: rail.log_evidence - rail.threshold, default=None)


def _paired(
    rule: RuleName, challenger: int, only: Spectrum, allowed: float, allowance: Allowance
) -> RailReading:
    return RailReading(
        rule=rule,
        version=challenger,
        rows=only.rows,
        observed=only.mean if only.rows else None,
        allowed=allowed,
        log_evidence=log_evidence_above(only, allowed),
        threshold=allowance.challenger_threshold,
    )


def _changed(
    rule: RuleName, main: int, numbers: Counts, counts: Counts, allowed: float
) -> RailReading:
    """`counts`: (minutes, 2), rows that went wrong and rows."""
    starts = retained_starts(numbers, int(numbers[-1]))
    wrong, asked = suffix_sums(counts, starts).T
    evidence = log_evidence_of_share(wrong.astype(float), asked.astype(float), allowed)
    likeliest = int(np.argmax(evidence))
    since = int(asked[likeliest])
    return RailReading(
        rule=rule,
        version=main,
        rows=since,
        observed=float(wrong[likeliest]) / since if since else None,
        allowed=allowed,
        log_evidence=log_change_evidence(evidence),
        threshold=math.log(RUN_LENGTH * _MAIN_RAILS),
        since=datetime.fromtimestamp(float(numbers[starts[likeliest]]) * MINUTE, UTC),
    )


def _failures(faults: FaultTally) -> Spectrum:
    return _only(faults.asked, faults.main_failed, faults.challenger_failed)


def _invalid(faults: FaultTally) -> Spectrum:
    return _only(faults.asked, faults.main_invalid, faults.challenger_invalid)


def _misses(timed: Counts, allowed: Allowance) -> Spectrum:
    width, bucket = allowed.edges.size + 1, allowed.slow_bucket or 0
    joint = timed.reshape(width, width)
    main_only = int(joint[bucket + 1 :, : bucket + 1].sum())
    challenger_only = int(joint[: bucket + 1, bucket + 1 :].sum())
    return _only(int(joint.sum()), main_only, challenger_only)


def _only(asked: int, main: int, challenger: int) -> Spectrum:
    """Differences of 1, -1 and 0 as a spectrum."""
    found = {STEPS: challenger, -STEPS: main, 0: asked - main - challenger}
    return read_spectrum({place: rows for place, rows in found.items() if rows})


def rails_in_words(rails: Sequence[RailReading]) -> tuple[str, ...]:
    """One sentence for each that is crossed."""
    return tuple(
        f"version {rail.version}: {_WORDS[rail.rule]} in {_share(rail.observed)} of {rail.rows:,} "
        f"rows, {_share(rail.allowed)} allowed"
        for rail in rails
        if rail.crossed
    )


_WORDS: Final[Mapping[RuleName, str]] = {
    RuleName.ERRORS: "failed",
    RuleName.SLOW: "too slow",
    RuleName.INVALID: "invalid answers",
    RuleName.FAIRNESS: "a wider gap between groups",
    RuleName.RISK: "a higher loss",
}


def _share(value: float | None) -> str:
    return "none" if value is None else f"{value:.2%}"
