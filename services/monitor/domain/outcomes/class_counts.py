"""Counting a classifier's answers."""

from typing import Final

import numpy as np

from services.monitor.domain.outcomes.facts import Answers, Flags
from services.monitor.domain.outcomes.losses import brier, certain, log_loss
from services.monitor.domain.outcomes.tallies import FIXED_POINT, SCORE_BINS, ClassCounts
from services.monitor.domain.rows import Indices
from understudy.profiles.arrays import Counts, Floats

_NOBODY: Final = np.zeros(0, dtype=np.intp)


def class_counts(answers: Answers, labels: Floats, classes: int) -> ClassCounts:
    """Of the rows that were answered; `labels` are class indices, NaN where there is none."""
    answered = answers.answered
    labelled = answered & np.isfinite(labels)
    spoken = np.where(answered, answers.values, 0).astype(np.intp)
    truth = labels[labelled].astype(np.intp)
    chances = answers.probabilities
    scored = np.zeros_like(answered) if chances is None else np.isfinite(chances[:, 0])
    shown = np.zeros(spoken.size) if chances is None else _scores(chances, spoken)
    selected = spoken * SCORE_BINS + _bins(shown)
    width = classes * SCORE_BINS
    return ClassCounts(
        confusion=_table(truth * classes + spoken[labelled], classes, classes),
        scores=_class_scores(answers, labels, labelled & scored, classes),
        answered=np.bincount(spoken[answered], minlength=classes),
        answered_scores=_table(selected[answered & scored], classes, SCORE_BINS),
        labelled_scores=np.bincount(selected[labelled & scored], minlength=width).reshape(
            classes, SCORE_BINS
        ),
        **_sums(answers, labelled, truth, classes),
    )


def _table(cells: Indices, rows: int, columns: int) -> Counts:
    return np.bincount(cells, minlength=rows * columns).reshape(rows, columns)


def _scores(chances: Floats, spoken: Indices) -> Floats:
    """The last class's probability; of more than two classes that of the one answered."""
    chosen = chances[:, -1] if chances.shape[1] == 2 else chances[np.arange(spoken.size), spoken]
    return np.asarray(chosen)


def _class_scores(answers: Answers, labels: Floats, where: Flags, classes: int) -> Counts:
    cells = _NOBODY
    if answers.probabilities is not None and where.any():
        bins = _bins(answers.probabilities[where]) + np.arange(classes) * SCORE_BINS
        true = labels[where][:, None] == np.arange(classes)
        cells = (bins * 2 + true).ravel()
    return np.bincount(cells, minlength=classes * SCORE_BINS * 2).reshape(classes, SCORE_BINS, 2)


def _bins(chances: Floats) -> Indices:
    """Which of the equal bins each probability is in; 1 is in the last, NaN anywhere."""
    found = np.nan_to_num(chances * SCORE_BINS).astype(np.intp)
    return np.minimum(found, SCORE_BINS - 1)


def _sums(answers: Answers, labelled: Flags, truth: Indices, classes: int) -> dict[str, int]:
    if not truth.size:
        return {}
    chances = certain(answers, classes)[labelled]
    found = {}
    for name, costs in (("brier", brier(chances, truth)), ("log_loss", log_loss(chances, truth))):
        found[name] = _fixed(costs)
        found[f"{name}_squares"] = _fixed(costs * costs)
    return found


def _fixed(costs: Floats) -> int:
    return int(np.rint(costs * FIXED_POINT).astype(np.int64).sum())
