"""Features that stand in for protected attributes."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from services.registry.adapters.inspection.sample import evenly
from services.registry.adapters.reviewing.fairness_groups import FEWEST, Groups, groups_of
from services.registry.adapters.reviewing.fairness_telling import (
    Codes,
    areas_of,
    best,
    told_by_category,
    told_by_number,
)
from services.registry.adapters.reviewing.subject import LeftOutError, Subject
from understudy.contracts.reviews import Estimate, ProxyStrength
from understudy.contracts.signature import Feature
from understudy.inference.rows import Rows
from understudy.inference.scored import Floats

ALL: Final = "*"
_MOST_ROWS: Final = 10_000
_MOST_ROWS_TOGETHER: Final = 5_000
_MOST_FEATURES_TOGETHER: Final = 60
_MOST_GROUPS_TOGETHER: Final = 5
_FOLDS: Final = 3
_FOLDS_ALONE: Final = 10
_MOST_CATEGORIES: Final = 200
_ITERATIONS: Final = 30
_HUGE: Final = 1e300


def proxies_of(subject: Subject) -> Mapping[str, tuple[ProxyStrength, ...]]:
    """Of each protected attribute, how well features tell its groups; the best first, then all.

    Of at most 10,000 rows of the reference: they need neither labels nor answers. Each feature
    alone: the area under the ROC curve of one group against the rest, of the group that is told
    best; by ranks for numbers, in either direction, and by shares from other rows for categories
    (ten folds). `*`, all features together: gradient boosting on two thirds of at most 5,000
    rows, measured on the other third, each in turn; the 60 strongest features and the five largest
    groups. Groups below 30 rows take no part, nor does the attribute where it is a feature itself.

    Intervals: Newcombe's (see `auc_interval`), at a level that allows for the groups to pick from.
    Raises LeftOutError when nothing is protected. An attribute with less than two groups that are
    large enough has no entries.
    """
    if not subject.task.protected:
        raise LeftOutError("no protected attributes were named")
    places = evenly(np.arange(len(subject.reference.rows)), _MOST_ROWS)
    order = subject.draw().permutation(places.size)
    columns = _columns(subject.reference.rows.at(places), subject.signature.features)
    found = {}
    for attribute in subject.task.protected:
        groups, kept = _large(groups_of(subject.reference, attribute).at(places))
        others = [(name, values) for name, values in columns if name != attribute]
        if len(groups.names) < 2 or not others:
            found[attribute] = tuple[ProxyStrength, ...]()
            continue
        held = [(name, values[kept]) for name, values in others]
        found[attribute] = tuple(_strengths(held, groups, order[kept], subject.task.seed))
    return found


Columns = list[tuple[str, Floats | Codes]]


def _columns(rows: Rows, features: tuple[Feature, ...]) -> Columns:
    """Numbers as they are, categories as places among the commonest: missing, all others, these."""
    numbers, texts = iter(rows.numbers.T), iter(rows.texts)
    return [
        (feature.name, next(numbers) if feature.numeric else _coded(next(texts)))
        for feature in features
    ]


def _coded(texts: list[str | None]) -> Codes:
    counts = Counter(text for text in texts if text is not None)
    order = sorted(counts, key=lambda text: (-counts[text], text))[: _MOST_CATEGORIES - 2]
    code = {text: place for place, text in enumerate(order, start=2)}
    return np.array([0 if text is None else code.get(text, 1) for text in texts], dtype=np.intp)


def _large(groups: Groups) -> tuple[Groups, NDArray[np.intp]]:
    """Groups of enough rows, and the places of these rows."""
    large = np.flatnonzero(groups.rows >= FEWEST)
    kept = np.flatnonzero(np.isin(groups.codes, large))
    codes = np.searchsorted(large, groups.codes[kept])
    return Groups(tuple(groups.names[place] for place in large), codes), kept


def _strengths(
    columns: Columns, groups: Groups, order: Codes, seed: int
) -> Iterator[ProxyStrength]:
    """`order`: a random number of each row, from which folds are dealt."""
    found = [
        ProxyStrength(name, _told(values, groups, order % _FOLDS_ALONE)) for name, values in columns
    ]
    best_first = sorted(range(len(found)), key=lambda place: -found[place].score.value)
    yield from (found[place] for place in best_first)
    if len(found) > 1:
        strongest = [columns[i][1] for i in sorted(best_first[:_MOST_FEATURES_TOGETHER])]
        yield ProxyStrength(ALL, _together(strongest, groups, order % _FOLDS, seed))


def _told(values: Floats | Codes, groups: Groups, folds: Codes) -> Estimate:
    if values.dtype == np.intp:
        return told_by_category(values.astype(np.intp), groups, folds)
    return told_by_number(values.astype(np.float64), groups)


def _together(columns: list[Floats | Codes], groups: Groups, folds: Codes, seed: int) -> Estimate:
    largest = np.sort(np.argsort(-groups.rows, kind="stable")[:_MOST_GROUPS_TOGETHER])
    places = evenly(np.flatnonzero(np.isin(groups.codes, largest)), _MOST_ROWS_TOGETHER)
    truth, own_folds = np.searchsorted(largest, groups.codes[places]), folds[places]
    held = Groups(tuple(groups.names[place] for place in largest), truth)
    values = np.column_stack([column[places].astype(np.float64) for column in columns])
    # What is not finite is missing, except that infinities are no less a sign.
    values = np.clip(values, -_HUGE, _HUGE)
    chosen = np.array([column.dtype == np.intp for column in columns])
    areas, weights = np.zeros(largest.size), np.zeros(largest.size)
    for fold in range(_FOLDS):
        tried = own_folds == fold
        model = HistGradientBoostingClassifier(
            max_iter=_ITERATIONS,
            learning_rate=0.2,
            max_leaf_nodes=8,
            early_stopping=False,
            categorical_features=chosen if chosen.any() else None,
            random_state=seed,
        )
        # On a busy machine, threads that wait for each other take many times as long as one.
        with threadpool_limits(1, user_api="openmp"):
            model.fit(values[~tried], truth[~tried])
            told = model.predict_proba(values[tried])
        chances = np.zeros((int(tried.sum()), largest.size))
        chances[:, model.classes_] = told
        part = held.at(np.flatnonzero(tried))
        weight = part.rows * (len(chances) - part.rows).astype(np.float64)
        areas += weight * areas_of(rankdata(chances, axis=0), part)
        weights += weight
    return best(np.where(weights > 0, areas / np.maximum(weights, 1.0), 0.5), held)
