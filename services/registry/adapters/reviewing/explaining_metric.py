"""The metric that decides, of a few thousand rows, with an interval."""

from typing import Final

import numpy as np
from scipy import stats

from services.registry.adapters.reviewing.results_intervals import share_of
from services.registry.adapters.reviewing.subject import LeftOutError, Subject
from services.registry.domain.auc_interval import auc_interval
from understudy.contracts.reviews import Estimate
from understudy.inference.scored import Floats, Scored

_LEVEL: Final = 0.95


def deciding(subject: Subject, scored: Scored, labels: Floats) -> Estimate:
    """Two classes: the area under the ROC curve, without probabilities that of the answered class.

    Several classes: the mean of each class's area against the rest, its interval the mean of their
    ends (they vary together, so the root of squares would be too narrow); without probabilities
    the accuracy with Wilson's interval. Numbers: the root of the mean squared error, its interval
    from the variance of squared errors. Raises LeftOutError where rows have one class alone.
    """
    if not subject.classification:
        return _rmse(scored.values - labels)
    if subject.positive is not None:
        chances = scored.probabilities
        answers = scored.values == subject.positive
        scores = answers.astype(np.float64) if chances is None else chances[:, subject.positive]
        return _area(scores, labels == subject.positive)
    if scored.probabilities is None:
        return share_of((scored.values == labels).sum(), labels.size)
    areas = [
        _area(scored.probabilities[:, place], labels == place)
        for place in np.unique(labels).astype(np.intp).tolist()
    ]
    ends = [[one.value, one.low or 0.0, one.high or 1.0] for one in areas]
    value, low, high = np.mean(ends, axis=0).tolist()
    return Estimate(value, low, high)


def of_no_answer(subject: Subject, labels: Floats) -> Estimate:
    """What the same answer to all rows would get."""
    values = np.full(labels.size, labels.mean())
    if not subject.classification:
        return deciding(subject, Scored(values), labels)
    classes = len(subject.signature.target.classes)
    return deciding(
        subject, Scored(np.zeros(labels.size), np.full((labels.size, classes), 0.5)), labels
    )


def _area(scores: Floats, positive: np.ndarray) -> Estimate:
    positives = int(positive.sum())
    negatives = positive.size - positives
    if not positives or not negatives:
        raise LeftOutError("the rows that are left have one class alone")
    ranks = stats.rankdata(scores)
    above = float(ranks[positive].sum()) - positives * (positives + 1) / 2
    area = min(max(above / (positives * negatives), 0.0), 1.0)
    return Estimate(area, *auc_interval(area, positives, negatives, _LEVEL))


def _rmse(errors: Floats) -> Estimate:
    squares = errors**2
    mean = float(squares.mean())
    value = float(np.sqrt(mean))
    if squares.size < 2:
        return Estimate(value)
    width = float(stats.norm.ppf((1 + _LEVEL) / 2) * squares.std(ddof=1) / np.sqrt(squares.size))
    return Estimate(value, float(np.sqrt(max(mean - width, 0.0))), float(np.sqrt(mean + width)))
