"""The area under the ROC curve, with what each row adds to it.

Formula: of one class against the rest, with midranks for ties: the share of pairs of a row of the
class and another row that are in the right order, a tie counting half. Of several classes: the
mean over those that occur (macro one-vs-rest). The variance is that of the rows' influences,
ψ = (share of others below - auc)·n/positives for a row of the class, (share of the class above -
auc)·n/others for another one: ∑ψ²/n². Two models on the same rows: the same of ψ₁ - ψ₂.
Source: E. R. DeLong, D. M. DeLong & D. L. Clarke-Pearson, "Comparing the areas under two or more
correlated receiver operating characteristic curves: a nonparametric approach", Biometrics 44, 1988;
X. Sun & W. Xu, "Fast implementation of DeLong's algorithm", IEEE Signal Processing Letters 21,
2014, for midranks instead of pairs.
Assumes: rows are independent. Near 1 the normal interval of a difference is too narrow.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from services.registry.adapters.reviewing.results_answers import Answers
from services.registry.domain.auc_interval import auc_interval
from understudy.contracts.reviews import Estimate
from understudy.inference.scored import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Area:
    """An area under the ROC curve."""

    value: float
    influence: Floats
    """Of each row; their mean is 0."""
    positives: int
    """Rows of the class; of several classes, of the rarest one that occurs."""


def area_of(answers: Answers) -> Area | None:
    """None without probabilities, or with rows of one class alone."""
    if answers.probabilities is None:
        return None
    chosen = range(answers.classes) if answers.positive is None else (answers.positive,)
    found = [
        _area(answers.probabilities[:, place], truth)
        for place in chosen
        if 0 < (truth := answers.labels == place).sum() < truth.size
    ]
    if not found:
        return None
    influence = np.mean([one.influence for one in found], axis=0)
    value = float(np.mean([one.value for one in found]))
    return Area(value, influence, min(one.positives for one in found))


def area_estimate(area: Area) -> Estimate:
    """With Newcombe's interval: of several classes, as if it were of the rarest one's rows alone.

    That is wider than it need be, since the classes' areas are averaged.
    """
    rows = area.influence.size
    low, high = auc_interval(min(area.value, 1.0), area.positives, rows - area.positives)
    return Estimate(area.value, min(low, area.value), max(high, area.value))


def area_gain(model: Area, main: Area, z: float) -> Estimate:
    """By how much the model's is larger, on the same rows."""
    value = model.value - main.value
    change = model.influence - main.influence
    half = z * float(np.sqrt(np.square(change).sum())) / change.size
    return Estimate(value, value - half, value + half)


def _area(scores: Floats, truth: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Area:
    positives = int(truth.sum())
    negatives = truth.size - positives
    ranks = rankdata(scores)
    below = (ranks[truth] - rankdata(scores[truth])) / negatives
    above = 1.0 - (ranks[~truth] - rankdata(scores[~truth])) / positives
    value = min(max(float(below.mean()), 0.0), 1.0)
    influence = np.empty(truth.size)
    influence[truth] = (below - value) * truth.size / positives
    influence[~truth] = (above - value) * truth.size / negatives
    return Area(value, influence, positives)
