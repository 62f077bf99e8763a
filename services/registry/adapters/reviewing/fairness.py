"""Figures by groups of protected attributes."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.registry.adapters.reviewing.fairness_figures import (
    Figures,
    gaps,
    of_classes,
    of_numbers,
    of_two_classes,
)
from services.registry.adapters.reviewing.fairness_groups import FEWEST, Groups, groups_of
from services.registry.adapters.reviewing.subject import LeftOutError, Subject
from understudy.contracts.reviews import AttributeFairness, Fairness, GroupFigures
from understudy.inference.scored import Scored

_MOST_ROWS: Final = 20_000


def fairness_of(subject: Subject) -> Fairness:
    """What is answered to whom, and how often rightly, of at most 20,000 labelled rows.

    Rates are computed with fairlearn, of the rows that results are measured on; the positive class
    counts as selected. Groups below 30 of these rows are named without figures, rates that are a
    share of fewer than 10 rows are left out. Intervals: Wilson's for shares, normal for means; of
    gaps see `fairness_figures.gaps`.

    Raises LeftOutError when nothing is protected, no row can be used, or the model answers none.
    """
    if not subject.task.protected:
        raise LeftOutError("no protected attributes were named")
    places = subject.held.some(_MOST_ROWS)
    if not places.size:
        raise LeftOutError("no row has a label and values that the signature allows")
    try:
        scored = subject.runner.score(subject.held.rows.at(places))
    except Exception as error:
        raise LeftOutError(f"the model does not answer: {type(error).__name__}: {error}") from error
    positive, classes = subject.positive, subject.signature.target.classes
    return Fairness(
        positive=None if positive is None else classes[positive],
        attributes=tuple(
            _attribute(subject, attribute, places, scored) for attribute in subject.task.protected
        ),
    )


def _attribute(
    subject: Subject, attribute: str, places: NDArray[np.intp], scored: Scored
) -> AttributeFairness:
    groups = groups_of(subject.held, attribute).at(places)
    figures = _figures(subject, groups, places, scored)
    rows = groups.rows.tolist()
    shown = [place for place, count in enumerate(rows) if count >= FEWEST]
    return AttributeFairness(
        attribute=attribute,
        groups=tuple(
            _group(name, count, figures[place])
            for place, (name, count) in enumerate(zip(groups.names, rows, strict=True))
            if count
        ),
        gaps=tuple(
            gaps(tuple(groups.names[place] for place in shown), [figures[place] for place in shown])
        ),
    )


def _figures(
    subject: Subject, groups: Groups, places: NDArray[np.intp], scored: Scored
) -> list[Figures]:
    truth, positive = subject.held.labels[places], subject.positive
    if not subject.classification:
        return of_numbers(groups, truth, scored.values)
    if positive is None:
        return of_classes(groups, truth, scored)
    scores = None if scored.probabilities is None else scored.probabilities[:, positive]
    own, answers = (truth == positive).astype(np.intp), (scored.values == positive).astype(np.intp)
    return of_two_classes(groups, own, answers, scores)


def _group(name: str, rows: int, figures: Figures) -> GroupFigures:
    if rows < FEWEST:
        return GroupFigures(name, rows, suppressed=True)
    found = {name: figure.estimate() for name, figure in figures.items()}
    return GroupFigures(
        group=name,
        rows=rows,
        suppressed=False,
        figures={name: estimate for name, estimate in found.items() if estimate is not None},
    )
