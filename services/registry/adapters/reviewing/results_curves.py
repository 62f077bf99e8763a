"""What answers look like at every threshold, in every bin, for every pair of classes."""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, precision_recall_curve, roc_curve

from services.registry.adapters.reviewing.results_answers import Answers
from services.registry.adapters.reviewing.results_figures import BINS, bins_of, promises
from services.registry.adapters.reviewing.results_intervals import share_of
from understudy.contracts.reviews import CalibrationBin, Curve, Residuals, Threshold
from understudy.inference.scored import Floats

MOST_POINTS: Final = 200
_THRESHOLDS: Final = tuple(place / 20 for place in range(1, 20))
_RESIDUAL_BARS: Final = 30
_MOST_CLASSES: Final = 50
"""A table of more classes is read by nobody."""


def roc_of(answers: Answers) -> Curve | None:
    """Of the positive class; None without one, or with rows of one class alone."""
    truth, scores = _ranked(answers)
    if truth is None or scores is None:
        return None
    x, y, _ = roc_curve(truth, scores, drop_intermediate=True)
    return _thinned(x, y)


def precision_recall_of(answers: Answers) -> Curve | None:
    """The same: x is recall, from 0 up."""
    truth, scores = _ranked(answers)
    if truth is None or scores is None:
        return None
    precision, recall, _ = precision_recall_curve(truth, scores, drop_intermediate=True)
    return _thinned(recall[::-1], precision[::-1])


def calibration_of(answers: Answers) -> tuple[CalibrationBin, ...]:
    """Of the positive class's probability, or of the largest of several classes'.

    Bins hold about equally many rows; rows of one probability are in the same.
    """
    if answers.probabilities is None:
        return ()
    promised, came_true = promises(answers)
    bins = bins_of(promised)
    found = [bins == place for place in np.unique(bins)]
    return tuple(
        CalibrationBin(
            predicted=float(promised[chosen].mean()),
            observed=share_of(came_true[chosen].sum(), chosen.sum()),
            rows=int(chosen.sum()),
        )
        for chosen in found
    )


def thresholds_of(answers: Answers) -> tuple[Threshold, ...]:
    """0.05 to 0.95, and the one with the best f1 among the scores that occur."""
    if answers.positive is None or answers.probabilities is None:
        return ()
    scores = answers.probabilities[:, answers.positive]
    truth = answers.labels == answers.positive
    at = {*_THRESHOLDS, *_best(truth, scores)}
    return tuple(_threshold(truth, scores, threshold) for threshold in sorted(at))


def confusion_of(answers: Answers) -> tuple[tuple[int, ...], ...]:
    """Rows by true and answered class."""
    if not 0 < answers.classes <= _MOST_CLASSES:
        return ()
    labels = np.arange(answers.classes)
    truth, told = answers.labels.astype(np.intp), answers.values.astype(np.intp)
    found = confusion_matrix(truth, told, labels=labels)
    return tuple(tuple(int(rows) for rows in row) for row in found)


def residuals_of(answers: Answers) -> Residuals | None:
    """Of a regression."""
    if answers.classes:
        return None
    errors = answers.labels - answers.values
    low, high = errors.min(), errors.max()
    if not np.isfinite(high - low):
        return None
    counts, edges = np.histogram(errors, _bars(errors), range=_range(low, high))
    tenths = bins_of(answers.values, BINS)
    rows = np.bincount(tenths)
    occurs = rows > 0

    def means(values: Floats) -> tuple[float, ...]:
        return _floats(np.bincount(tenths, values)[occurs] / rows[occurs])

    return Residuals(
        edges=_floats(edges),
        shares=_floats(counts / errors.size),
        predicted=means(answers.values),
        observed=means(answers.labels),
    )


def _ranked(answers: Answers) -> tuple[NDArray[np.bool_] | None, Floats | None]:
    if answers.positive is None or answers.probabilities is None:
        return None, None
    truth = answers.labels == answers.positive
    if truth.all() or not truth.any():
        return None, None
    return truth, answers.probabilities[:, answers.positive]


def _thinned(x: Floats, y: Floats) -> Curve:
    """At most so many points, evenly along the line, which keeps both ends and its corners."""
    if x.size > MOST_POINTS:
        along = np.append(0.0, (np.abs(np.diff(x)) + np.abs(np.diff(y))).cumsum())
        wanted = np.linspace(0.0, along[-1], MOST_POINTS)
        places = np.unique(np.searchsorted(along, wanted).clip(0, x.size - 1))
        x, y = x[places], y[places]
    return Curve(_floats(x), _floats(y))


def _best(truth: NDArray[np.bool_], scores: Floats) -> tuple[float, ...]:
    if not truth.any():
        return ()
    precision, recall, at = precision_recall_curve(truth, scores)
    both = precision + recall
    f1 = np.divide(2 * precision * recall, both, out=np.zeros_like(both), where=both > 0)
    return (float(at[min(int(f1.argmax()), at.size - 1)]),)


def _threshold(truth: NDArray[np.bool_], scores: Floats, threshold: float) -> Threshold:
    flagged = scores >= threshold
    hits = int((flagged & truth).sum())
    told, true = int(flagged.sum()), int(truth.sum())
    share: Callable[[int, int], float | None] = lambda part, all_: part / all_ if all_ else None  # noqa: E731
    clear = truth.size - true
    return Threshold(
        threshold=threshold,
        flagged=told / truth.size,
        precision=share(hits, told),
        recall=share(hits, true),
        specificity=share(clear - (told - hits), clear),
        f1=share(2 * hits, told + true),
    )


def _bars(errors: Floats) -> int:
    return int(min(_RESIDUAL_BARS, max(5, np.sqrt(errors.size))))


def _range(low: float, high: float) -> tuple[float, float]:
    """Not of width 0, however large the numbers are."""
    if high - low > 1e-9 * max(abs(low), abs(high)):
        return float(low), float(high)
    room = max(abs(low), abs(high), 1.0) * 1e-6
    return float(low - room), float(high + room)


def _floats(values: Floats) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
