"""Has the stream left its reference, in what, and since when: an e-detector on counts of blocks.

Formula: for each row r (a feature's shape, its missing values, …) and each retained start j, the
evidence E_rj of all counts since j is `shapes` or `shares`; over G strata it is
Π_g (1 - 1/G + E_rjg/G), a factor of 1 for those without rows. Then M_r = Σ_j E_rj, and M is
Σ_r w_r·M_r with weights that sum to 1. There is an alarm for r once w_r·M_r reaches A, and for all
together once M does.
Source: Shin, Ramdas & Rinaldo, "E-detectors", 2024; Shiryaev (1963), Roberts (1966).
Guarantee: while the stream stays within the null, at least A blocks pass on average before the
first alarm of any row, however often one looks, also within a block: M counts what has come since
each start, so it is at most the full sum over all starts, which grows by at most 1 a block in the
mean. It holds for all but a share `CHANCE` of reference samples.
Assumes: rows are exchangeable within a stratum, and the reference was drawn from the same.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.monitor.domain.statistics.segments import Segments
from services.monitor.domain.statistics.shapes import ShapeTest, shape_test
from services.monitor.domain.statistics.shares import ShareTest, share_test
from understudy.profiles.arrays import Floats

AVERAGE_RUN_BLOCKS: Final = 1_000_000
"""A: two years of minutes, on average, without a false alarm."""
LOG_AVERAGE_RUN: Final = float(np.log(AVERAGE_RUN_BLOCKS))
CHANCE: Final = 0.01
"""Of a reference sample so unlike its source that the guarantee does not hold."""


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """Live counts of tables and shares, by sum."""

    shapes: Floats
    """(…, columns)."""
    bad: Floats
    """(…, shares)."""
    rows: Floats
    """(…, shares): of how many."""


@dataclass(frozen=True, slots=True, eq=False)
class Usual:
    """The reference's, by stratum; see `shares` for what a hit and a twin is."""

    shapes: Floats
    """(strata, columns)."""
    hits: Floats
    """(strata, shares)."""
    twins: Floats
    """(strata, shares)."""
    rows: Floats
    """(strata, shares): of how many."""


@dataclass(frozen=True, slots=True, eq=False)
class Suffixes:
    """Live counts since each start, by stratum, each sum once: starts may share a stratum's."""

    counted: Counted
    """(sums, …)."""
    strata: NDArray[np.intp]
    """(sums,)."""
    starts: NDArray[np.intp]
    """Of each pair of a start and a sum."""
    sums: NDArray[np.intp]
    """Of each pair."""


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Natural logarithms; minus infinity is none."""

    by_start: Floats
    """E: (starts, tables and then shares)."""
    rows: Floats
    """M_r."""
    thresholds: Floats
    """What M_r must reach; infinite for what is not watched."""
    pooled: float
    pooled_start: int

    @property
    def alarms(self) -> NDArray[np.bool_]:
        """Which rows have drifted."""
        return np.asarray(self.rows >= self.thresholds)

    @property
    def alarm(self) -> bool:
        """Whether anything has, taken together: true whenever a row has."""
        return self.pooled >= LOG_AVERAGE_RUN

    @property
    def starts(self) -> NDArray[np.intp]:
        """Of each row, the start with the largest evidence."""
        return np.asarray(self.by_start.argmax(axis=0), dtype=np.intp)


@dataclass(frozen=True, slots=True, eq=False)
class Detector:
    """Made of a reference once; looks at live counts as often as one likes."""

    shapes: ShapeTest
    shares: ShareTest
    effects: Floats
    """What the counts of tables and then shares are divided by."""
    log_weights: Floats
    """Minus infinity for what is not watched."""
    strata: int

    def look(self, live: Suffixes, starts: int) -> Evidence:
        """The evidence now, over so many starts (at least one)."""
        logs = self._by_sum(live)
        if self.strata > 1:
            share = 1.0 / self.strata
            logs = np.logaddexp(np.log1p(-share), np.log(share) + logs)
        by_start = np.zeros((starts, logs.shape[1]))
        np.add.at(by_start, live.starts, logs[live.sums])
        rows = np.logaddexp.reduce(by_start, axis=0)
        mixed = np.logaddexp.reduce(by_start + self.log_weights, axis=1)
        return Evidence(
            by_start=by_start,
            rows=rows,
            thresholds=LOG_AVERAGE_RUN - self.log_weights,
            pooled=float(np.logaddexp.reduce(mixed)),
            pooled_start=int(mixed.argmax()),
        )

    def _by_sum(self, live: Suffixes) -> Floats:
        tables, counted = self.shapes.tables, live.counted
        widths = tables.widths.size
        shaped = counted.shapes / tables.spread(self.effects[:widths])
        divided = self.effects[widths:]
        return np.concatenate(
            [
                self.shapes.log_evidence(shaped, live.strata),
                self.shares.log_evidence(
                    counted.bad / divided, counted.rows / divided, live.strata
                ),
            ],
            axis=1,
        )


def detector(
    reference: Usual,
    tables: Segments,
    effects: Floats,
    weights: Floats,
    tolerance: float,
) -> Detector:
    """From the reference's counts by stratum, design effects, and weights (0: not watched)."""
    strata = len(reference.shapes)
    chance = CHANCE / (strata * max(1, int((weights > 0).sum())))
    widths = tables.widths.size
    with np.errstate(divide="ignore"):
        log_weights = np.log(weights / weights.sum())
    divided = effects[widths:]
    return Detector(
        shapes=shape_test(reference.shapes, tables, effects[:widths], tolerance, chance),
        shares=share_test(
            reference.hits / divided, reference.twins / divided, reference.rows / divided, chance
        ),
        effects=effects,
        log_weights=log_weights,
        strata=strata,
    )
