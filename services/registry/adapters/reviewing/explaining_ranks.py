"""How well one column orders labels: areas under ROC curves, and Spearman's rank correlation.

A column is looked at in several ways (its values, whether it is null, as a category); what counts
is the best of them, and its interval is Bonferroni's, for as many ways as were looked at.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from services.registry.domain.auc_interval import auc_interval
from understudy.contracts.reviews import Estimate
from understudy.inference.scored import Floats

Codes = NDArray[np.intp]
"""Of each row, which category it is in, from 0."""
_LEVEL: Final = 0.95
_MOST_CLASSES: Final = 50
"""The commonest, each against the rest."""
_FOLDS: Final = 5
_PRIOR_ROWS: Final = 1.0
"""The mean of all rows weighs as much as so many rows of a category."""


class Truth(Protocol):
    """The labels."""

    def of_numbers(self, values: Floats) -> Iterator["Way"]:
        """Ways in which a number, NaN where null, tells the label, in either direction."""

    def of_categories(self, codes: Codes, folds: Codes) -> Iterator["Way"]:
        """Ways in which a category does, of which each fold's rows learn from the other folds."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to look at a column: its score and the rows behind it."""

    score: float
    rows: tuple[int, ...]
    """Positives and negatives, or all of them."""

    @property
    def near_end(self) -> float:
        """About the lower end of its interval: what two ways are compared by."""
        fewest = min(self.rows)
        return self.score - (1.0 if fewest < 2 else 1.0 / float(np.sqrt(fewest)))


@dataclass(frozen=True, slots=True, eq=False)
class Classes:
    """Of each row the class, as its index."""

    labels: Codes

    def of_numbers(self, values: Floats) -> Iterator[Way]:
        """Each class against the rest (of two classes one), of the rows with a value."""
        present = np.isfinite(values)
        if present.all():
            ranks, labels = _ranks(values), self.labels
        else:
            ranks, labels = _ranks(values[present]), self.labels[present]
        for label in self._against():
            way = _area(ranks, labels == label)
            if way is not None:
                yield Way(max(way.score, 1.0 - way.score), way.rows)

    def of_categories(self, codes: Codes, folds: Codes) -> Iterator[Way]:
        """The same of the share of each class in the category, learned from other rows."""
        for label in self._against():
            positive = self.labels == label
            learned = target_encoded(codes, folds, positive.astype(np.float64))
            way = _area_within(learned, positive, folds)
            if way is not None:
                # It has a direction already: below one half is chance.
                yield Way(max(way.score, 0.5), way.rows)

    def _against(self) -> list[int]:
        counts = np.bincount(self.labels)
        found = np.argsort(-counts, kind="stable")[: min((counts > 0).sum(), _MOST_CLASSES)]
        return sorted(found.tolist()) if found.size > 2 else found.tolist()[-1:]


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """Of each row the number to be answered."""

    labels: Floats

    def of_numbers(self, values: Floats) -> Iterator[Way]:
        """Spearman's correlation without sign, of the rows with a value."""
        present = np.isfinite(values)
        found = correlation(_ranks(values[present]), _ranks(self.labels[present]))
        if found is not None:
            yield Way(abs(found), (int(present.sum()),))

    def of_categories(self, codes: Codes, folds: Codes) -> Iterator[Way]:
        """The correlation of the label's rank with its mean in the category, from other rows."""
        ranks = _ranks(self.labels)
        found = correlation(target_encoded(codes, folds, ranks), ranks)
        if found is not None:
            yield Way(max(found, 0.0), (ranks.size,))


def best(ways: list[Way]) -> Estimate | None:
    """The way that surely tells most; None without any."""
    if not ways:
        return None
    way, level = max(ways, key=lambda one: one.near_end), 1 - (1 - _LEVEL) / len(ways)
    if len(way.rows) == 2:
        return Estimate(way.score, *auc_interval(way.score, *way.rows, level))
    return _spearman(way.score, way.rows[0], level)


def target_encoded(codes: Codes, folds: Codes, target: Floats) -> Floats:
    """Of each row the target's mean over rows of other folds in the same category.

    A category without such rows has the mean of all rows, so what names single rows tells nothing.
    """
    cells = codes * _FOLDS + folds
    shape = (int(codes.max()) + 1, _FOLDS)
    size = shape[0] * _FOLDS
    rows = np.bincount(cells, minlength=size).reshape(shape)
    sums = np.bincount(cells, weights=target, minlength=size).reshape(shape)
    others = rows.sum(axis=1, keepdims=True) - rows
    learned = sums.sum(axis=1, keepdims=True) - sums + _PRIOR_ROWS * target.mean()
    return np.asarray((learned / (others + _PRIOR_ROWS)).ravel()[cells], dtype=np.float64)


def folds_of(rows: int, draw: np.random.Generator) -> Codes:
    """Of each row the fold, as many rows in each."""
    return draw.permutation(rows) % _FOLDS


def rank_order(values: Floats, at: Floats, classes: Codes | None) -> float | None:
    """Spearman's correlation of a number with time, without sign; None where it can't be told.

    With classes it is the smaller one of all rows together and of rows of one class: a file that
    is sorted by its label gives each feature that tells the label an order, but none within it.
    """
    known = np.isfinite(values) & np.isfinite(at)
    first, second = _ranks(values[known]), _ranks(at[known])
    found = [correlation(first, second)]
    if classes is not None:
        inside = classes[known]
        found.append(correlation(_centred(first, inside), _centred(second, inside)))
    sizes = [abs(one) for one in found if one is not None]
    return min(sizes) if len(sizes) == len(found) else None


def correlation(first: Floats, second: Floats) -> float | None:
    """Pearson's; None where one of the two does not vary."""
    if first.size < 2:
        return None
    one, other = first - first.mean(), second - second.mean()
    size = float(np.sqrt((one @ one) * (other @ other)))
    return float(np.clip(one @ other / size, -1.0, 1.0)) if size > 0 else None


def _centred(ranks: Floats, classes: Codes) -> Floats:
    sums, rows = np.bincount(classes, weights=ranks), np.bincount(classes)
    return np.asarray(ranks - (sums / np.maximum(rows, 1))[classes], dtype=np.float64)


def _ranks(values: Any) -> Floats:
    return np.asarray(stats.rankdata(values), dtype=np.float64)


def _area(ranks: Floats, positive: NDArray[np.bool_]) -> Way | None:
    """The Mann–Whitney statistic, ties half; None with one class alone."""
    positives = int(positive.sum())
    negatives = positive.size - positives
    if not positives or not negatives:
        return None
    above = float(ranks[positive].sum()) - positives * (positives + 1) / 2
    area = min(max(above / (positives * negatives), 0.0), 1.0)
    return Way(area, (positives, negatives))


def _area_within(learned: Floats, positive: NDArray[np.bool_], folds: Codes) -> Way | None:
    """Rows are compared within folds: what was learned of one category differs between them."""
    areas = [_area(_ranks(learned[folds == k]), positive[folds == k]) for k in range(_FOLDS)]
    known = [way for way in areas if way is not None]
    pairs = [way.rows[0] * way.rows[1] for way in known]
    if not pairs:
        return None
    score = sum(way.score * weight for way, weight in zip(known, pairs, strict=True)) / sum(pairs)
    rows = tuple(sum(way.rows[side] for way in known) for side in (0, 1))
    return Way(min(score, 1.0), rows)


def _spearman(size: float, rows: int, level: float) -> Estimate:
    """Fisher's interval with the variance of D. Bonett and T. Wright, Psychometrika 65, 2000."""
    if rows < 4:
        return Estimate(size)
    # Rows that are all in order: as if half a swap of two neighbours was seen.
    limited = min(size, 1 - 6 / (rows * (rows * rows - 1)))
    width = stats.norm.ppf((1 + level) / 2) * np.sqrt((1 + limited**2 / 2) / (rows - 3))
    low, high = np.tanh(np.arctanh(limited) - width), np.tanh(np.arctanh(limited) + width)
    return Estimate(size, float(low), max(float(high), size))
