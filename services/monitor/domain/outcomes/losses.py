"""What answers cost once their labels are known.

Every figure is computed row by row with operations that IEEE 754 fixes, and rounded to a grid
before anything is added: which rows are computed together changes no bit of a tally.
"""

from typing import Final

import numpy as np

from services.monitor.domain.deciding.terms import Terms
from services.monitor.domain.outcomes.facts import Answers
from understudy.contracts.judging import LONGEST_LOG_LOSS
from understudy.contracts.signature import Target
from understudy.contracts.vocabulary import LossName, Task
from understudy.profiles.arrays import Floats

_SMALLEST: Final = 2.0**-52
"""A log loss for people is of at least this probability: 36 nats at most."""


def losses(answers: Answers, labels: Floats, target: Target, terms: Terms) -> Floats:
    """The loss of the terms for each row, in its own units; NaN without an answer or a label.

    A classifier without probabilities is taken to be certain of what it said. Losses of numbers
    say nothing of classes, nor the other way round: under such terms classes cost 0 or 1, and
    numbers their absolute error.
    """
    if target.task is Task.REGRESSION:
        return _number_losses(answers.values, labels, terms.loss)
    known = answers.answered & np.isfinite(labels)
    found = np.full(labels.size, np.nan)
    chances = certain(answers, len(target.classes))[known]
    truth = labels[known].astype(np.intp)
    if terms.loss is LossName.BRIER:
        found[known] = brier(chances, truth)
    elif terms.loss is LossName.LOG_LOSS:
        found[known] = np.minimum(log_loss(chances, truth), LONGEST_LOG_LOSS)
    else:
        found[known] = answers.values[known] != truth
    return found


def certain(answers: Answers, classes: int) -> Floats:
    """Probabilities; all of it on the class that was answered where there are none."""
    spoken = np.where(answers.answered, answers.values, -1.0)
    sure = np.asarray(spoken[:, None] == np.arange(classes), dtype=np.float64)
    if answers.probabilities is None:
        return sure
    given = np.isfinite(answers.probabilities[:, :1])
    return np.asarray(np.where(given, answers.probabilities, sure))


def brier(chances: Floats, truth: "np.typing.NDArray[np.intp]") -> Floats:
    """Half the squared distance between probabilities and the true class: 0 to 1."""
    total = np.zeros(truth.size)
    for index in range(chances.shape[1]):
        missed = chances[:, index] - (truth == index)
        total += missed * missed
    return 0.5 * total


def log_loss(chances: Floats, truth: "np.typing.NDArray[np.intp]") -> Floats:
    """-ln of the probability of what came true."""
    own = np.ascontiguousarray(chances[np.arange(truth.size), truth])
    return np.asarray(-np.log(np.clip(own, _SMALLEST, 1.0)))


def _number_losses(values: Floats, labels: Floats, loss: LossName) -> Floats:
    with np.errstate(over="ignore"):
        error = np.abs(values - labels)
        if loss is LossName.SQUARED:
            error = error * error
    if loss is LossName.ZERO_ONE:
        error = np.where(np.isnan(error), np.nan, error != 0)
    # Two that are both beyond all numbers are equally bad: no difference, not an undefined one.
    return np.asarray(np.minimum(error, np.finfo(np.float64).max))
