"""The guard-rail of fairness: vetoes for nothing, and for gaps that are too wide.

The main selects both of two equal groups alike; the challenger selects one of them more often.
"""

from typing import Final

import numpy as np
from numpy.random import Generator

from benchmarks.simulations.verdict.tables import Scale, Table, median, share
from services.monitor.domain.deciding.fairness_rail import Sides, fairness_rail
from services.monitor.domain.deciding.rails import Allowance
from understudy.contracts.judging import GuardRails
from understudy.profiles.arrays import Counts, Floats

ALLOWED: Final = 0.05
RATE: Final = 0.5
LOOK: Final = 1_000
"""Rows between two looks."""


def fairness_vetoes(scale: Scale, rng: Generator) -> Table:
    """By how much wider the challenger's gap is, in parts of what is allowed."""
    threshold = Allowance(GuardRails(), np.array([0.01]), 0.05, 1).challenger_threshold
    runs = scale.fewer(20).runs
    rows = []
    for times in (0.0, 1.0, 2.0, 4.0):
        found = np.array(
            [_vetoed_at(times * ALLOWED, scale.labels, threshold, rng) for _ in range(runs)]
        )
        told = (f"{times * ALLOWED:.0%}", share(found), median(found, scale.labels))
        rows.append((f"{times:g} ×", *told))
    columns = ("excess, of the allowance", "challenger's gap", "vetoed", "median rows")
    title = f"Fairness, {ALLOWED:.0%} allowed, {runs:,} runs of {scale.labels:,} rows"
    return Table(title, columns, rows)


def _vetoed_at(gap: float, rows: int, threshold: float, rng: Generator) -> float:
    main = _selected(np.array([RATE, RATE]), rows, rng)
    challenger = _selected(np.array([RATE - gap / 2, RATE + gap / 2]), rows, rng)
    for look in range(main.shape[0]):
        asked = (look + 1) * LOOK // 2
        sides = Sides(_counts(main[look], asked), _counts(challenger[look], asked))
        found = fairness_rail(sides, 2, ALLOWED, threshold)
        if found is not None and found.crossed:
            return float((look + 1) * LOOK)
    return float("inf")


def _selected(rates: Floats, rows: int, rng: Generator) -> Counts:
    """Of both groups, up to each look."""
    drawn = rng.binomial(LOOK // 2, rates, (rows // LOOK, 2))
    return np.cumsum(drawn, axis=0, dtype=np.int64)


def _counts(selected: Counts, asked: int) -> dict[str, tuple[int, int]]:
    return {name: (int(each), asked) for name, each in zip("ab", selected, strict=True)}
