"""How well each feature alone tells the label, without any model."""

from typing import Final

import numpy as np

from services.registry.adapters.reviewing.explaining_asking import labelled_places
from services.registry.adapters.reviewing.explaining_ranks import (
    Classes,
    Codes,
    Numbers,
    Truth,
    Way,
    best,
    folds_of,
    rank_order,
)
from services.registry.adapters.reviewing.subject import LeftOutError, Subject
from understudy.contracts.reviews import Alone
from understudy.inference.scored import Floats

MOST_ROWS: Final = 20_000
_MOST_VALUES: Final = 10_000_000
"""Fewer rows of very many features."""
_FEWEST_ROWS: Final = 500
_FEW_VALUES: Final = 50
"""Numbers that take no more are looked at as categories too: they may be codes."""
_FEWEST_ORDERED: Final = 30
"""With fewer rows an order may be chance."""


def alone_of(subject: Subject) -> tuple[Alone, ...]:
    """Each feature's own score against the label, from at most 20,000 rows of the held sample.

    Classes: the area under the ROC curve, in either direction for numbers, of several classes the
    best one against the rest; Newcombe's interval (`domain.auc_interval`). Numbers: Spearman's rank
    correlation without sign, Fisher's interval. Categories, and numbers that take few values, are
    scored by the label's mean in the category, learned in five folds from other rows: what names
    rows learns nothing, and what gives the label away does. Whether a number is null is looked at
    by itself. The best of these counts, with Bonferroni's interval for all of them.

    Assumes that rows are independent. Raises LeftOutError without rows, or with one class alone.
    """
    held, signature = subject.held, subject.signature
    most = min(MOST_ROWS, max(_MOST_VALUES // len(signature.features), _FEWEST_ROWS))
    places = labelled_places(held, most)
    labels = held.labels[places]
    if np.unique(labels).size < 2:
        raise LeftOutError(f"all labelled rows of the {held.sample} sample have the same label")
    classes = labels.astype(np.intp) if subject.classification else None
    truth: Truth = Numbers(labels) if classes is None else Classes(classes)
    folds = folds_of(places.size, subject.draw())
    at = places.astype(np.float64) if held.at is None else held.at[places]
    numbers, texts = iter(held.rows.numbers[places].T), iter(held.rows.at(places).texts)
    found = list[Alone]()
    for feature in signature.features:
        order = None
        if feature.numeric:
            values = np.ascontiguousarray(next(numbers))
            ways = _of_numbers(values, truth, folds)
            if places.size >= _FEWEST_ORDERED:
                order = rank_order(values, at, classes)
        else:
            ways = [*truth.of_categories(_coded(next(texts)), folds)]
        score = best(ways)
        if score is not None:
            found.append(Alone(feature.name, score, order))
    if not found:
        raise LeftOutError("no feature has values enough to be held against the label")
    return tuple(found)


def _of_numbers(values: Floats, truth: Truth, folds: Codes) -> list[Way]:
    missing = np.isnan(values)
    ways = list[Way]()
    if not missing.all():
        ways += truth.of_numbers(values)
    if missing.any() and not missing.all():
        ways += truth.of_numbers(missing.astype(np.float64))
    codes = np.unique(values, return_inverse=True)[1]
    if 2 < int(codes.max()) + 1 <= min(_FEW_VALUES, values.size // 2):
        ways += truth.of_categories(codes.ravel().astype(np.intp), folds)
    return ways


def _coded(texts: list[str | None]) -> Codes:
    book = dict[str | None, int]()
    return np.array([book.setdefault(text, len(book)) for text in texts], dtype=np.intp)
