"""Has the mean of values in [0, 1] risen above a bound; has a share left what was expected?

Formula: a bettor who stakes the share λ of its wealth on each value x has Π(1 + λ·(x - b)/b); the
evidence of a suffix of blocks is the mean of that over a grid of λ, and M its sum over retained
starts (see `suffixes`). For hits whose expected number in a block of n is n·e, the wealth is
exp(λ·hits)/(1 + (e ± τ)·(exp(λ) - 1))^n, with λ of both signs: by the arithmetic-geometric mean
inequality it needs the block's mean expectation alone.
Source: Waudby-Smith & Ramdas, "Estimating means of bounded random variables by betting", 2024;
Shin, Ramdas & Rinaldo, "E-detectors", 2024; Hoeffding (1963), theorem 1, for the shares.
Guarantee: while every value's mean given what came before is at most b (every hit's chance within τ
of what is expected), on average at least A blocks pass before M reaches A, at whatever moments one
looks. Values are counted on a grid; half a step is taken off each.
Assumes: what is said of the mean holds given the past.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.monitor.domain.statistics.betting import STAKES
from services.monitor.domain.statistics.spectrum import HALF_STEP, STEPS, Spectrum
from services.monitor.domain.statistics.suffixes import (
    log_change_evidence,
    retained_starts,
    suffix_sums,
)
from understudy.profiles.arrays import Counts, Floats

TILTS: Final = np.concatenate([-np.geomspace(1.0, 0.03, 8), np.geomspace(0.03, 1.0, 8)])


@dataclass(frozen=True, slots=True)
class Rising:
    """What suffixes say together, and where the likeliest of them begins."""

    log_evidence: float
    start: int
    """The place of a block."""


def rising(numbers: Counts, blocks: Sequence[Spectrum], bound: float) -> Rising | None:
    """Blocks by ascending number; None without any, or where nothing can lie above the bound."""
    even = bound + HALF_STEP
    if not blocks or even >= 1:
        return None
    starts = retained_starts(numbers, int(numbers[-1]))
    counts = suffix_sums(_dense(blocks, starts), np.arange(starts.size))
    paid = (np.arange(STEPS + 1) / STEPS - even) / even
    return _found(starts, counts.astype(float) @ np.log1p(np.multiply.outer(paid, STAKES)))


def departing(
    numbers: Counts, hits: Counts, rows: Counts, expected: Floats, tolerance: float
) -> Rising | None:
    """Evidence that hits leave their expected numbers, up or down, by more than the tolerance."""
    if not numbers.size:
        return None
    starts = retained_starts(numbers, int(numbers[-1]))
    shares = np.divide(expected, rows, out=np.zeros(rows.size), where=rows > 0)
    allowed = np.clip(shares[:, None] + np.sign(TILTS) * tolerance, 0.0, 1.0)
    fair = rows[:, None] * np.log1p(allowed * np.expm1(TILTS))
    return _found(starts, suffix_sums(np.multiply.outer(hits, TILTS) - fair, starts))


def _dense(blocks: Sequence[Spectrum], starts: NDArray[np.intp]) -> Counts:
    """How often each place from 0 to 1 occurs, from each start to the next.

    What comes before the first start is left out; a negative value counts as 0.
    """
    segments = np.searchsorted(starts, np.arange(len(blocks)), side="right") - 1
    places = np.concatenate([block.places for block in blocks]).clip(0)
    counts = np.concatenate([block.counts for block in blocks])
    segment = np.repeat(segments, [block.places.size for block in blocks])
    found = np.zeros((starts.size, STEPS + 1), dtype=np.int64)
    kept = segment >= 0
    np.add.at(found, (segment[kept], places[kept]), counts[kept])
    return found


def _found(starts: NDArray[np.intp], wealth: Floats) -> Rising | None:
    if not starts.size:
        return None
    logs = np.logaddexp.reduce(wealth, axis=-1) - np.log(wealth.shape[-1])
    return Rising(log_change_evidence(logs), int(starts[np.argmax(logs)]))
