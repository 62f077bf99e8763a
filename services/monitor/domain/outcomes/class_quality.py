"""The quality of a classifier, from counts of labelled rows.

Formula: see `statistics.confusion` and `statistics.ranking`; with more than two classes areas under
curves are the plain mean over classes, each against the others, and so is the calibration error.
Calibration error: Σ over ten bins of the score |Σ score - positives| / rows, a score counted at
the middle of its hundredth. Brier and log loss are means of rows, with the interval of a mean.
Source: Naeini, Cooper & Hauskrecht, "Obtaining well calibrated probabilities using Bayesian
binning", 2015, for the calibration error.
Guarantee: `statistics.ranking.binning_error` for the ROC AUC; a score's place is off by 0.005 at
most, hence so is the calibration error. It is above 0 by chance alone: about √(10/n)·0.3 of a
calibrated model at even odds, so it has no interval.
Assumes: the mean of several areas is given the interval of areas that err together: it is too wide.
"""

from collections.abc import Callable, Iterable
from typing import Final

import numpy as np

from services.monitor.domain.outcomes.tallies import FIXED_POINT, SCORE_BINS, ClassCounts
from services.monitor.domain.statistics.confusion import class_metrics, confusion_metrics
from services.monitor.domain.statistics.intervals import Interval, mean
from services.monitor.domain.statistics.ranking import average_precision, roc_auc
from understudy.contracts.signature import Target
from understudy.contracts.vocabulary import class_name
from understudy.profiles.arrays import Counts

Area = Callable[[Counts, Counts], Interval | None]

_CENTRES: Final = (np.arange(SCORE_BINS) + 0.5) / SCORE_BINS
_CALIBRATION_BINS: Final = 10


def class_quality(counts: ClassCounts) -> dict[str, Interval]:
    """By name; what can't be had is absent."""
    rows, scored = int(counts.confusion.sum()), bool(counts.scores.any())
    found = confusion_metrics(counts.confusion) | {
        "roc_auc": _area(roc_auc, counts.scores),
        "pr_auc": _area(average_precision, counts.scores),
        "brier": _mean(rows, counts.brier, counts.brier_squares) if scored else None,
        "log_loss": _mean(rows, counts.log_loss, counts.log_loss_squares) if scored else None,
        "calibration_error": _calibration(counts.scores),
    }
    return {name: interval for name, interval in found.items() if interval is not None}


def quality_by_class(counts: ClassCounts, target: Target) -> dict[str, dict[str, Interval]]:
    """Each class against the others; only where there are more than two."""
    if len(target.classes) == 2:
        return {}
    return {
        class_name(label): class_metrics(counts.confusion, index)
        for index, label in enumerate(target.classes)
    }


def _area(area: Area, scores: Counts) -> Interval | None:
    """Of the last class of two; the mean over classes of more."""
    chosen = scores[-1:] if len(scores) == 2 else scores
    found = (area(one[:, 1], one[:, 0]) for one in chosen)
    return _together([interval for interval in found if interval is not None])


def _together(parts: list[Interval]) -> Interval | None:
    """The mean of figures that may err together."""
    if not parts:
        return None
    value = sum(part.value for part in parts) / len(parts)
    limits = [(part.low, part.high) for part in parts]
    lows = [low for low, _ in limits if low is not None]
    highs = [high for _, high in limits if high is not None]
    if len(lows) < len(parts):
        return Interval(value)
    return Interval(value, sum(lows) / len(lows), sum(highs) / len(highs))


def _mean(rows: int, total: int, squares: int) -> Interval | None:
    if not rows:
        return None
    value = total / rows / FIXED_POINT
    return mean(rows, value, squares / rows / FIXED_POINT - value * value)


def _calibration(scores: Counts) -> Interval | None:
    rows = int(scores[0].sum())
    if not rows:
        return None
    chosen = scores[-1:] if len(scores) == 2 else scores
    return Interval(_averaged(_distance(one) / rows for one in chosen))


def _distance(scores: Counts) -> float:
    excess = scores.sum(axis=1) * _CENTRES - scores[:, 1]
    return float(np.abs(excess.reshape(_CALIBRATION_BINS, -1).sum(axis=1)).sum())


def _averaged(values: Iterable[float]) -> float:
    found = [*values]
    return sum(found) / len(found)
