"""What a confusion matrix says: accuracy, balanced accuracy, precision, recall and F1.

Formula: with true classes as rows: accuracy = Σ diagonal / n; recall of a class = its diagonal over
its row, precision over its column, F1 = 2·TP/(2·TP + FP + FN). Two classes: the last one is
positive. More: the plain mean over classes that occur; a class that was never answered, or never
true, counts with 0, as scikit-learn has it. Balanced accuracy: the mean recall of true classes.
Intervals: Wilson for accuracy, precision and recall; F1 is 2J/(1 + J) of the proportion
J = TP/(TP + FP + FN), hence Wilson's interval of J, mapped; means of recalls and of precisions by
variance recovery (given the row or column sums they are independent); macro F1 by the delta method.
Source: Takahashi, Yamamoto, Kuchiba & Koyama, "Confidence interval for micro-averaged F1 and
macro-averaged F1 scores", 2022; see also `intervals`.
Assumes: independent rows. Counts may be expected ones (floats); their intervals mean nothing then.
"""

import math
from typing import Final

import numpy as np

from services.monitor.domain.statistics.intervals import (
    Interval,
    Z,
    average,
    proportion,
)
from understudy.profiles.arrays import Counts, Floats

_POSITIVE: Final = -1


def confusion_metrics(confusion: Counts) -> dict[str, Interval]:
    """By name; what can't be had is absent."""
    found = {
        "accuracy": proportion(int(np.trace(confusion)), int(confusion.sum())),
        "balanced_accuracy": balanced_accuracy(confusion),
    }
    if len(confusion) == 2:
        found |= _of_class(confusion, _POSITIVE)
    else:
        found |= {
            "precision": _macro(_shares(confusion.T), confusion),
            "recall": _macro(_shares(confusion), confusion),
            "f1": macro_f1(confusion),
        }
    return {name: interval for name, interval in found.items() if interval is not None}


def class_metrics(confusion: Counts, index: int) -> dict[str, Interval]:
    """Precision, recall and F1 of one class."""
    found = _of_class(confusion, index).items()
    return {name: interval for name, interval in found if interval is not None}


def balanced_accuracy(confusion: Counts) -> Interval | None:
    """The mean recall of the classes that were true."""
    return average(share for share in _shares(confusion) if share is not None)


def macro_f1(confusion: Counts) -> Interval | None:
    """With the delta method's interval: rows are draws from the matrix's cells."""
    rows = int(confusion.sum())
    occurring = _occurring(confusion)
    if not occurring.any():
        return None
    p = confusion / rows
    masses = p.sum(axis=0) + p.sum(axis=1)
    scores = np.divide(2 * np.diag(p), masses, out=np.zeros(len(p)), where=masses > 0)
    slopes = np.divide(scores, masses, out=np.zeros(len(p)), where=masses > 0)
    gradient = -(slopes[:, None] + slopes[None, :])
    gradient += np.diag(np.divide(2.0, masses, out=np.zeros(len(p)), where=masses > 0))
    gradient /= occurring.sum()
    centre = float((p * gradient).sum())
    variance = float((p * gradient**2).sum()) - centre**2
    value = float(scores[occurring].mean())
    half = Z * math.sqrt(max(0.0, variance) / rows)
    return Interval(value, max(0.0, value - half), min(1.0, value + half))


def expected_metrics(confusion: Floats) -> dict[str, float]:
    """The same figures of expected counts, without intervals."""
    total = float(confusion.sum())
    if total <= 0:
        return {}
    hits, true, said = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    recalls, precisions = _divided(hits, true), _divided(hits, said)
    f1 = _divided(2 * hits, true + said)
    there, occurring = true > 0, (true + said) > 0
    chosen = [-1] if len(confusion) == 2 else np.flatnonzero(occurring)
    return {
        "accuracy": float(hits.sum()) / total,
        "balanced_accuracy": float(recalls[there].mean()),
        "precision": float(precisions[chosen].mean()),
        "recall": float(recalls[chosen].mean()),
        "f1": float(f1[chosen].mean()),
    }


def _of_class(confusion: Counts, index: int) -> dict[str, Interval | None]:
    hits = int(confusion[index, index])
    said, true = int(confusion[:, index].sum()), int(confusion[index].sum())
    overlap = proportion(hits, said + true - hits)
    return {
        "precision": proportion(hits, said),
        "recall": proportion(hits, true),
        "f1": overlap and overlap.mapped(lambda share: 2 * share / (1 + share)),
    }


def _shares(confusion: Counts) -> list[Interval | None]:
    """Of each row, the share on the diagonal."""
    return [proportion(int(row[at]), int(row.sum())) for at, row in enumerate(confusion)]


def _macro(shares: list[Interval | None], confusion: Counts) -> Interval | None:
    """Over classes that occur; one without a share counts with 0."""
    pairs = zip(shares, _occurring(confusion), strict=True)
    return average(share or Interval(0.0, 0.0, 0.0) for share, there in pairs if there)


def _occurring(confusion: Counts) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.asarray((confusion.sum(axis=0) + confusion.sum(axis=1)) > 0)


def _divided(parts: Floats, wholes: Floats) -> Floats:
    return np.divide(parts, wholes, out=np.zeros(len(parts)), where=wholes > 0)
