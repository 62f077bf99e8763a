"""All figures of answers but the area under the ROC curve, for rows that count several times.

As scikit-learn defines them (`tests/unit/registry/review_results` holds them against it):
precision, recall, f1 and pr_auc (average precision) of the positive class, or else the mean over
the classes that occur. brier is half the squared distance between probabilities and the true
class, 0 to 1.
ece is the expected calibration error: over ten bins of about equally many rows by the positive
class's probability, or by the largest probability of several classes, the mean distance between
what was promised and how often it came true (Naeini, Cooper & Hauskrecht, "Obtaining well
calibrated probabilities using Bayesian binning", AAAI 2015; of the largest probability: Guo,
Pleiss, Sun & Weinberger, "On calibration of modern neural networks", ICML 2017).

A figure that the rows don't define is NaN.
"""

import math
from collections.abc import Mapping
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from services.registry.adapters.reviewing.results_answers import Answers
from understudy.inference.scored import Floats

BINS: Final = 10
HIGHER_IS_BETTER: Final[Mapping[str, bool]] = {
    "roc_auc": True,
    "pr_auc": True,
    "accuracy": True,
    "balanced_accuracy": True,
    "precision": True,
    "recall": True,
    "f1": True,
    "brier": False,
    "log_loss": False,
    "ece": False,
    "rmse": False,
    "mae": False,
    "r2": True,
    "bias": False,
}
"""In the order in which they are told. Of `bias`, what is nearer to 0 is better."""

_SMALLEST: Final = float(np.finfo(np.float64).eps)


class Figures(Protocol):
    """What can be measured again on rows that count several times or not at all."""

    def of(self, weights: Floats) -> dict[str, float]:
        """Figures by name; `weights` says how often each row counts."""


def figures_of(answers: Answers) -> Figures:
    """Of classes, or of numbers."""
    return ClassFigures(answers) if answers.classes else NumberFigures(answers)


class NumberFigures:
    """Of numbers. bias is the mean of truth less answer."""

    def __init__(self, answers: Answers) -> None:
        error = answers.labels - answers.values
        # Moments about the mean: squares of large numbers lose their last digits.
        centred = answers.labels - answers.labels.mean()
        self._sums = np.column_stack([error, np.abs(error), error**2, centred, centred**2])

    def of(self, weights: Floats) -> dict[str, float]:
        """Figures by name."""
        bias, absolute, squared, centre, spread = (weights @ self._sums) / weights.sum()
        variance = spread - centre**2
        return {
            "rmse": math.sqrt(squared),
            "mae": float(absolute),
            "r2": 1.0 - squared / variance if variance > 0 else math.nan,
            "bias": float(bias),
        }


class ClassFigures:
    """Of classes."""

    def __init__(self, answers: Answers) -> None:
        self._truth = answers.labels.astype(np.intp)
        self._answer = answers.values.astype(np.intp)
        self._right = self._truth == self._answer
        self._classes, self._positive = answers.classes, answers.positive
        self._chances: Floats | None = None
        if answers.probabilities is not None:
            self._chances = self._costs(answers.probabilities)
            promised, came_true = promises(answers)
            self._bins = bins_of(promised)
            self._short = came_true - promised
            self._ranked = self._ranking(answers.probabilities)

    def of(self, weights: Floats) -> dict[str, float]:
        """Figures by name."""
        rows = float(weights.sum())
        found = self._decisions(weights, rows)
        if self._chances is None:
            return found
        brier, log_loss = (weights @ self._chances) / rows
        short = np.bincount(self._bins, weights * self._short)
        found |= {"brier": float(brier), "log_loss": float(log_loss)}
        found["ece"] = float(np.abs(short).sum()) / rows
        if self._ranked is not None:
            found["pr_auc"] = _average_precision(weights, *self._ranked)
        return found

    def _decisions(self, weights: Floats, rows: float) -> dict[str, float]:
        right = weights * self._right
        hits = _sums(self._truth, right, self._classes)
        truths = _sums(self._truth, weights, self._classes)
        told = _sums(self._answer, weights, self._classes)
        precision, recall = _shares(hits, told), _shares(hits, truths)
        f1 = _shares(2 * hits, truths + told)
        occurs = truths > 0
        balanced = float(recall[occurs].mean())
        seen = occurs | (told > 0)
        if self._positive is not None:
            seen = np.arange(self._classes) == self._positive
            # Nothing flagged has no precision; scikit-learn would say 0.
            precision[told == 0] = math.nan
            recall[truths == 0] = math.nan
        return {
            "accuracy": float(right.sum()) / rows,
            "balanced_accuracy": balanced,
            "precision": float(precision[seen].mean()),
            "recall": float(recall[seen].mean()),
            "f1": float(f1[seen].mean()),
        }

    def _costs(self, probabilities: Floats) -> Floats:
        rows = np.arange(self._truth.size)
        given = probabilities[rows, self._truth]
        brier = (np.square(probabilities).sum(axis=1) - 2 * given + 1) / 2
        total = probabilities.sum(axis=1)
        surprise = -np.log(np.clip(given / np.where(total > 0, total, 1.0), _SMALLEST, 1.0))
        return np.column_stack([brier, surprise])

    def _ranking(self, probabilities: Floats) -> tuple[NDArray[np.intp], Floats, Floats] | None:
        """Rows from the largest score down, the truth in that order, where each score ends."""
        if self._positive is None:
            return None
        scores = probabilities[:, self._positive]
        order = np.argsort(-scores, kind="stable")
        ends = np.append(np.diff(scores[order]) != 0, True)
        return order, (self._truth[order] == self._positive).astype(np.float64), ends


def promises(answers: Answers) -> tuple[Floats, Floats]:
    """Of each row: a chance that the model promised, and whether it came true (1 or 0)."""
    assert answers.probabilities is not None  # noqa: S101 - whoever asks has looked
    if answers.positive is not None:
        promised = answers.probabilities[:, answers.positive]
        return promised, (answers.labels == answers.positive).astype(np.float64)
    best = answers.probabilities.argmax(axis=1)
    return answers.probabilities.max(axis=1), (answers.labels == best).astype(np.float64)


def bins_of(values: Floats, bins: int = BINS) -> NDArray[np.intp]:
    """Of each value: its bin, 0 to bins - 1, about equally many in each; equal ones in the same."""
    edges = np.unique(np.quantile(values, np.arange(1, bins) / bins))
    return np.searchsorted(edges, values, side="left")


def _average_precision(
    weights: Floats, order: NDArray[np.intp], truth: Floats, ends: Floats
) -> float:
    ranked = weights[order]
    hits = (ranked * truth).cumsum()[ends]
    if hits[-1] == 0:
        return math.nan
    flagged = ranked.cumsum()[ends]
    steps = np.diff(hits, prepend=0.0)
    return float((steps * _shares(hits, flagged)).sum() / hits[-1])


def _sums(codes: NDArray[np.intp], weights: Floats, size: int) -> Floats:
    return np.bincount(codes, weights, size).astype(np.float64)


def _shares(part: Floats, whole: Floats) -> Floats:
    """0 where the whole is nothing."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
