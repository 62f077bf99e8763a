"""How well values tell groups apart: areas under ROC curves of one group against the rest."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from services.registry.adapters.reviewing.fairness_groups import Groups
from services.registry.domain.auc_interval import auc_interval
from understudy.contracts.reviews import Estimate
from understudy.inference.scored import Floats

_PRIOR_ROWS: Final = 2.0
Codes = NDArray[np.intp]


def told_by_number(values: Floats, groups: Groups) -> Estimate:
    """Of a number's ranks, in either direction; missing values are the least of all."""
    ranks = rankdata(np.where(np.isnan(values), -np.inf, values))
    areas = areas_of(ranks[:, None], groups)
    return best(np.maximum(areas, 1.0 - areas), groups)


def told_by_category(codes: Codes, groups: Groups, folds: Codes) -> Estimate:
    """Of a category, by how often the group has it in the other folds; missing is a category.

    A category's share of the group is drawn to the group's share of all rows, as two rows of these
    would do, so that rare categories say little. The area is the mean over the folds.
    """
    group_rows, parts = groups.rows, int(folds.max()) + 1
    width, many = int(codes.max()) + 1, group_rows.size
    cells = (folds * width + codes) * many + groups.codes
    counts = np.bincount(cells, minlength=parts * width * many).reshape(parts, width, many)
    prior = _PRIOR_ROWS * group_rows / group_rows.sum()
    areas, weights = np.zeros(many), np.zeros(many)
    for fold in range(parts):
        seen = counts.sum(axis=0) - counts[fold]
        shares = (seen + prior) / (seen.sum(axis=1, keepdims=True) + _PRIOR_ROWS)
        own = folds == fold
        held = groups.at(np.flatnonzero(own))
        of_fold = areas_of(rankdata(shares[codes[own]], axis=0), held)
        weight = held.rows * (own.sum() - held.rows).astype(np.float64)
        areas += weight * of_fold
        weights += weight
    return best(np.where(weights > 0, areas / np.maximum(weights, 1.0), 0.5), groups)


def areas_of(ranks: Floats, groups: Groups) -> Floats:
    """Of each group against the rest, from ranks: n × 1, or n × groups; 0.5 without two sides."""
    rows = groups.rows.astype(np.float64)
    rest = rows.sum() - rows
    columns = np.zeros(rows.size, dtype=np.intp) if ranks.shape[1] == 1 else np.arange(rows.size)
    sums = np.array(
        [ranks[groups.codes == group, columns[group]].sum() for group in range(rows.size)]
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        areas = (sums - rows * (rows + 1.0) / 2.0) / (rows * rest)
    return np.where((rows > 0) & (rest > 0), areas, 0.5)


def best(areas: Floats, groups: Groups) -> Estimate:
    """The best told group's; the interval allows for having picked it (Bonferroni).

    An area below 0.5 of what was learned on other rows is chance: 0.5.
    """
    rows = groups.rows
    # Of two groups, one's area is the other's mirrored.
    picked = 1 if rows.size == 2 else rows.size
    place = int(np.argmax(areas))
    area = min(1.0, max(0.5, float(areas[place])))
    own = int(rows[place])
    return Estimate(area, *auc_interval(area, own, int(rows.sum()) - own, 1.0 - 0.05 / picked))
