"""Which answers get labels, by their score: deciles, and a warning when that can't be chance.

The score is the probability of the last class; with more than two classes, that of the answer. Its
deciles are those of the first `FEWEST` answers that are looked at, so that they stay.
Guarantee: see `statistics.selection`, for one beginning: a window of days that slides begins anew
with each day: every beginning has its own 1 %, and over the years false warnings add up.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from services.monitor.domain.outcomes.readings import CoverageReading
from services.monitor.domain.outcomes.tallies import SCORE_BINS, ClassCounts
from services.monitor.domain.statistics.selection import (
    bands,
    in_bands,
    log_mean,
    log_selection_evidence,
)
from understudy.profiles.arrays import Counts

ALPHA: Final = 0.01
FEWEST: Final = 1_000
_DECILES: Final = 10
_BLOCK_ROWS: Final = 500


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """What is known of labelling by score."""

    edges: tuple[float, ...]
    """Of the score, one more than deciles."""
    answered: Counts
    labelled: Counts
    log_evidence: float
    log_evidence_by_decile: tuple[float, ...]

    @property
    def deciles(self) -> tuple[CoverageReading, ...]:
        """As they are shown."""
        pairs = zip(self.answered.tolist(), self.labelled.tolist(), strict=True)
        return tuple(CoverageReading(n, a, a / n if n else None) for n, a in pairs)

    @property
    def warning(self) -> str | None:
        """In words; None while it may be chance."""
        if self.log_evidence < -math.log(ALPHA):
            return None
        overall = self.labelled.sum() / self.answered.sum()
        strong = -math.log(ALPHA / len(self.answered))
        shown = [at for at, log in enumerate(self.log_evidence_by_decile) if log >= strong]
        parts = [
            self._in_words(at) for at in shown or [int(np.argmax(self.log_evidence_by_decile))]
        ]
        return (
            f"Which answers get labels depends on their score: {'; '.join(parts)}; "
            f"{overall:.1%} of all. Figures of quality speak for the answers that get labels."
        )

    def _in_words(self, at: int) -> str:
        share = self.labelled[at] / self.answered[at] if self.answered[at] else 0.0
        return f"{share:.1%} of those from {self.edges[at]:.2f} to {self.edges[at + 1]:.2f}"


def select(cohorts: Sequence[ClassCounts]) -> Selection | None:
    """Of matured cohorts in their order; None with fewer than `FEWEST` scored answers."""
    answered = _stacked([counts.answered_scores for counts in cohorts])
    labelled = _stacked([counts.labelled_scores for counts in cohorts])
    seen = np.cumsum(answered.sum(axis=1))
    if not seen.size or seen[-1] < FEWEST:
        return None
    first = int(np.searchsorted(seen, FEWEST)) + 1
    cuts = bands(answered[:first].sum(axis=0), _DECILES)
    blocks = np.flatnonzero(np.diff(seen // _BLOCK_ROWS, prepend=-1))
    banded = [in_bands(np.add.reduceat(counts, blocks), cuts) for counts in (answered, labelled)]
    logs = log_selection_evidence(*banded)
    places = [0, *cuts[cuts < SCORE_BINS].tolist(), SCORE_BINS]
    return Selection(
        edges=tuple(place / SCORE_BINS for place in places),
        answered=banded[0].sum(axis=0),
        labelled=banded[1].sum(axis=0),
        log_evidence=float(log_mean(logs)),
        log_evidence_by_decile=tuple(logs.tolist()),
    )


def _stacked(scores: Sequence[Counts]) -> Counts:
    """(cohorts, SCORE_BINS), whatever class was answered."""
    return np.array([counts.sum(axis=0) for counts in scores], dtype=np.int64).reshape(
        -1, SCORE_BINS
    )
