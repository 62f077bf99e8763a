"""How a version answered a sample when it was registered: what its live answers are held against.

The labels of an `evaluation` sample were not trained on; those of a `reference` sample may have
been, so whatever is calibrated on them flatters the model.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from services.monitor.domain.outcomes.tallies import SCORE_BINS
from understudy.contracts.vocabulary import BaselineSample
from understudy.profiles.arrays import Counts, Floats


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """Answers to n rows, with their labels where they are known."""

    sample: BaselineSample
    values: Floats
    """The number, or the index of the class in the signature's order; NaN where it failed."""
    probabilities: Floats | None
    """(n, k) in the signature's order."""
    labels: Floats
    """Like `values`; NaN without one."""
    classes: int = 0
    """How many the target has; 0 for a regression."""
    names: tuple[str, ...] = ()
    """Of the classes."""
    at: Floats | None = None
    """Seconds since the epoch, when the sample has a time column."""
    places: Counts | None = None
    """Which row of the sample each is; None where that was not kept."""
    importances: Mapping[str, float] = field(default_factory=dict)
    """By feature: how much the loss grows when its column is shuffled."""

    @property
    def rows(self) -> int:
        """How many were asked."""
        return self.values.size

    @property
    def optimistic(self) -> bool:
        """Whether the model may have been trained on these rows."""
        return self.sample is not BaselineSample.EVALUATION

    @property
    def outputs(self) -> Floats:
        """The number, or the last class's probability: what live answers are profiled by."""
        if not self.classes:
            return self.values
        if self.probabilities is None:
            return np.full(self.rows, np.nan)
        return np.asarray(np.where(np.isfinite(self.values), self.probabilities[:, -1], np.nan))

    @property
    def scores(self) -> Floats:
        """Of each answer, as `ClassCounts.answered_scores` has it; NaN where there is none."""
        if self.classes == 2 or self.probabilities is None:
            return self.outputs
        chosen = np.where(np.isfinite(self.values), self.values, 0).astype(np.intp)
        found = self.probabilities[np.arange(self.rows), chosen]
        return np.asarray(np.where(np.isfinite(self.values), found, np.nan))

    @property
    def class_counts(self) -> Counts:
        """How often each class was answered."""
        answered = self.values[np.isfinite(self.values)].astype(np.int64)
        return np.bincount(answered, minlength=self.classes)


def score_bins(scores: Floats) -> Counts:
    """Which of the equal bins each probability falls into; not for NaN."""
    return np.minimum((scores * SCORE_BINS).astype(np.int64), SCORE_BINS - 1)
