"""Quality without labels: what a classifier's own scores lead one to expect.

Formula: confidence-based performance estimation. On the baseline, scores become chances: with two
classes the isotonic share of the last class by its probability; with more, for each answered class,
the isotonic share of right answers by its probability, the rest spread over the other classes as
on the baseline. Live answers are counted by class and hundredth of the score; their expected
confusion matrix is the sum of those chances, and every figure is computed from it as if counted.
Source: NannyML's CBPE (Kuberski, Białek, Duda et al., 2023); Guillory et al., "Predicting with
confidence on unseen distributions", 2021.
Guarantee: none without the assumption. Intervals (normal, from `DRAWS` seeded draws of baseline
rows, and of labels from chances) are meant to hold the figure that labels of all rows would give
in 95 %: measured 86 to 98 % (`docs/statistics/estimating.md`); none below `FEWEST_SURE` rows.
Assumes: P(label | row) is what it was in the baseline: the estimate is blind to concept drift. And
P(label | score) follows from it; where the mix of rows changes much, weigh the baseline's rows by
how much more often their like comes now (`weights`). Rows that the model was trained on flatter it.
A regression has none: its answers carry no statement of how certain they are.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from services.monitor.domain.outcomes.baseline import Baseline, score_bins
from services.monitor.domain.outcomes.facts import Flags
from services.monitor.domain.outcomes.tallies import SCORE_BINS, ClassCounts
from services.monitor.domain.statistics.calibration import isotonic
from services.monitor.domain.statistics.confusion import expected_metrics
from services.monitor.domain.statistics.intervals import Interval, Z
from services.monitor.domain.statistics.ranking import roc_auc
from understudy.contracts.vocabulary import BaselineSample
from understudy.profiles.arrays import Counts, Floats

DRAWS: Final = 40
FEWEST: Final = 100
FEWEST_SURE: Final = 1_000
"""Rows of a baseline for an interval: of 300 it would hold the truth in nine of ten cases only."""
_CENTRES: Final = (np.arange(SCORE_BINS) + 0.5) / SCORE_BINS
_SEED: Final = 7


@dataclass(frozen=True, slots=True, eq=False)
class Chances:
    """P(true class | answered class, score), in no more room than what it is made of."""

    right: Floats
    """(k, SCORE_BINS): that the answered class is the true one."""
    wrong: Floats
    """(k, k): answered × true class, of the answers that are wrong; 0 on the diagonal."""

    def whole(self) -> Floats:
        """(k, SCORE_BINS, k): answered class × score × true class."""
        found: Floats = (1 - self.right)[..., None] * self.wrong[:, None, :]
        classes = np.arange(len(self.wrong))
        found[classes, :, classes] = self.right
        return found

    def errors(self, answered: Counts) -> float:
        """How many of answered rows, counted by class and score, are expected to be wrong."""
        return float((answered * (1.0 - self.right)).sum())


@dataclass(frozen=True, slots=True, eq=False)
class Expectation:
    """Implements `quality.Estimator`: what a version's answers are expected to be worth."""

    chances: Chances
    drawn: tuple[Chances, ...]
    """The same of `DRAWS` baselines drawn anew."""
    rows: int
    """Of the baseline."""
    sample: BaselineSample
    weighted: bool

    @property
    def assumes(self) -> str:
        """What must hold, in words."""
        weighing = ", weighed to today's mix of rows (on all days)" if self.weighted else ""
        said = (
            f"assumes that P(label | row) is as in the {self.rows:,} {self.sample} rows of the "
            f"version's baseline{weighing}: blind to concept drift"
        )
        if self.sample is BaselineSample.EVALUATION:
            return said
        return f"{said}; optimistic, since the model may have been trained on these rows"

    def estimate(self, classes: ClassCounts) -> dict[str, Interval]:
        """Of all answered rows that have a score; nothing without any."""
        answered = classes.answered_scores
        if not answered.any():
            return {}
        values = _figures(answered[..., None] * self.chances.whole())
        if self.rows < FEWEST_SURE:
            return {name: Interval(value) for name, value in values.items()}
        draws = [_figures(counts) for counts in _labels_drawn(answered, self.drawn)]
        return {
            name: _interval(value, np.array([draw[name] for draw in draws if name in draw]))
            for name, value in values.items()
        }

    def errors(self, answered: Counts) -> float:
        """How many of answered rows, counted by class and score, are expected to be wrong."""
        return self.chances.errors(answered)

    def error_of_errors(self, answered: Counts) -> float:
        """The standard error of that, for the baseline's size."""
        return float(np.std([drawn.errors(answered) for drawn in self.drawn], ddof=1))


def expect(baseline: Baseline, weights: Floats | None = None) -> Expectation | None:
    """Calibrate on a baseline; None for a regression, without scores or with few labels.

    `weights` has one number for each of its rows: how much more often its like comes now.
    """
    scores = baseline.scores
    known = np.isfinite(scores) & np.isfinite(baseline.labels) & np.isfinite(baseline.values)
    rows = int(known.sum())
    if not baseline.classes or rows < FEWEST:
        return None
    cells = _cells(baseline, scores, known)
    weighed = np.ones(rows) if weights is None else weights[known]
    rng = np.random.default_rng(_SEED)
    again = (weighed * rng.poisson(1.0, rows) for _ in range(DRAWS))
    return Expectation(
        chances=_chances(_counted(cells, weighed, baseline.classes)),
        drawn=tuple(_chances(_counted(cells, drawn, baseline.classes)) for drawn in again),
        rows=rows,
        sample=baseline.sample,
        weighted=weights is not None,
    )


def _cells(baseline: Baseline, scores: Floats, known: Flags) -> Counts:
    """Each row's place in a flat (k, SCORE_BINS, k)."""
    said, true = baseline.values[known].astype(np.int64), baseline.labels[known].astype(np.int64)
    return np.asarray((said * SCORE_BINS + score_bins(scores[known])) * baseline.classes + true)


def _counted(cells: Counts, weights: Floats, classes: int) -> Floats:
    shape = (classes, SCORE_BINS, classes)
    found = np.bincount(cells, weights, minlength=int(np.prod(shape)))
    return np.asarray(found, dtype=np.float64).reshape(shape)


def _chances(counts: Floats) -> Chances:
    if len(counts) == 2:
        by_score = counts.sum(axis=0)
        last = isotonic(by_score[:, 1], by_score.sum(axis=1))
        return Chances(np.stack([1 - last, last]), 1.0 - np.eye(2))
    right = [isotonic(one[:, own], one.sum(axis=1)) for own, one in enumerate(counts)]
    return Chances(np.array(right), np.array([_wrong(*one) for one in enumerate(counts)]))


def _wrong(own: int, counts: Floats) -> Floats:
    """True classes of the wrong answers of one class, as they were; alike where there were none."""
    wrong = counts.sum(axis=0)
    wrong[own] = 0.0
    if not wrong.any():
        wrong = np.where(np.arange(len(wrong)) == own, 0.0, 1.0)
    return np.asarray(wrong / wrong.sum())


def _labels_drawn(answered: Counts, drawn: Iterable[Chances]) -> Iterator[Counts]:
    """One confusion by score for each draw; seeded, so that the same counts give the same."""
    rng = np.random.default_rng(_SEED)
    for chances in drawn:
        yield rng.multinomial(answered, chances.whole())


def _figures(counts: Floats | Counts) -> dict[str, float]:
    """From (answered class, score, true class)."""
    found = expected_metrics(counts.sum(axis=1).T.astype(float))
    if len(counts) == 2:
        negatives, positives = counts.sum(axis=0).T
        area = roc_auc(positives, negatives)
        if area is not None:
            found["roc_auc"] = area.value
        missed = positives @ (1 - _CENTRES) ** 2 + negatives @ _CENTRES**2
        found["brier"] = float(missed) / float(counts.sum())
    return found


def _interval(value: float, draws: Floats) -> Interval:
    if draws.size < DRAWS:
        return Interval(value)
    half = Z * float(draws.std(ddof=1))
    return Interval(value, max(0.0, value - half), min(1.0, value + half))
