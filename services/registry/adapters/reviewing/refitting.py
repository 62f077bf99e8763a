"""The same recipe, fitted anew: on fewer rows, and on the past alone."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.registry.adapters.inspection.overtime import OverTimeError
from services.registry.adapters.inspection.sample import evenly
from services.registry.adapters.reviewing.asking_time import affordable, seconds_left
from services.registry.adapters.reviewing.results_answers import Answers, Places, answered
from services.registry.adapters.reviewing.results_refits import (
    Labelled,
    Recipe,
    both,
    deciding_estimate,
    labelled,
)
from services.registry.adapters.reviewing.subject import LeftOutError, Subject
from understudy.contracts.reviews import Estimate, LearningPoint, TimeSplit

FITTED_ROWS: Final = 10_000
MEASURED_ROWS: Final = 5_000
_SHARES: Final = (0.1, 0.25, 0.5, 1.0)
_LEAST_ROWS: Final = 20
_HELD_BACK: Final = 0.3
"""Of the reference sample, where there is no other one; of all rows, those that come last."""
_PARTS: Final = 5
_LEAST_PART: Final = 50


def learning_of(subject: Subject) -> tuple[LearningPoint, ...]:
    """Fitted on growing random parts of the reference sample, measured on the same held-out rows.

    Each part holds the smaller ones. Without an evaluation sample, three tenths of the reference's
    rows are held back. It ends with the last part that there is time for. Raises LeftOutError.
    """
    recipe = Recipe(subject)
    order = subject.draw().permutation(subject.reference.usable)
    if subject.evaluation is None:
        kept = int(order.size * (1 - _HELD_BACK))
        held = labelled(subject.reference, order[kept:][:MEASURED_ROWS])
        order = order[:kept]
    else:
        held = labelled(subject.evaluation, subject.evaluation.some(MEASURED_ROWS))
    if order.size < _LEAST_ROWS or not len(held):
        raise LeftOutError("there are too few rows with a label")
    known = labelled(subject.reference, order[:FITTED_ROWS])
    points = list[LearningPoint]()
    try:
        for point in _points(recipe, known, held, _deciding(subject, held)):
            points.append(point)
    except OverTimeError:
        # Three points are better than none.
        if not points:
            raise
    if not points:
        raise LeftOutError("its parts hold labels of too few classes, or fitting takes too long")
    return tuple(points)


def _points(
    recipe: Recipe, known: Labelled, held: Labelled, metric: str
) -> Iterator[LearningPoint]:
    took, fitted_rows = 0.0, 0
    for share in _SHARES:
        part = known.some(np.arange(max(int(share * len(known)), 1)))
        if len(part) < _LEAST_ROWS or not recipe.complete(part):
            continue
        # Most recipes take as long as they have rows, many longer.
        if fitted_rows and 1.2 * took * len(part) / fitted_rows > seconds_left():
            return
        began = time.monotonic()
        runner = recipe.fitted(part)
        seen = part.some(evenly(np.arange(len(part)), MEASURED_ROWS))
        yield LearningPoint(
            rows=len(part),
            fitted_on=recipe.measured(runner, seen, metric).value,
            held_out=recipe.measured(runner, held, metric).value,
        )
        took, fitted_rows = time.monotonic() - began, len(part)


def time_split_of(subject: Subject) -> TimeSplit:
    """How good it is by time, and whether it would have been as good had it known the past alone.

    The recipe is fitted on the earlier seven tenths of all rows and measured on the later ones
    (rows of one moment stay together); and on as many random rows, measured on as many others.
    Raises LeftOutError.
    """
    if subject.task.time_column is None:
        raise LeftOutError("no time column was named")
    found = TimeSplit(*_by_time(subject))
    try:
        refitted, shuffled = _refitted(subject)
    except OverTimeError:
        return found
    return replace(found, refitted=refitted, shuffled=shuffled)


def _by_time(
    subject: Subject,
) -> tuple[tuple[datetime, ...], tuple[Estimate, ...], tuple[int, ...]]:
    held = subject.held
    at = held.at
    timed = held.usable if at is None else held.usable[np.isfinite(at[held.usable])]
    if at is None or not timed.size:
        raise LeftOutError("no row with a label has a time")
    places = affordable(subject.runner, held.rows, evenly(timed, FITTED_ROWS), 0.2 * seconds_left())
    kept, answers = answered(subject, held, places)
    moments, metric = at[kept], _deciding(subject, labelled(held, kept))
    for parts in range(min(_PARTS, max(kept.size // _LEAST_PART, 1)), 0, -1):
        edges = np.unique(np.quantile(moments, np.arange(1, parts) / parts))
        codes = np.searchsorted(edges, moments, side="left")
        found = _measured(answers, codes, metric)
        if found is not None:
            ends = [moments.min(), *edges[: len(found) - 1], moments.max()]
            rows = tuple(int(count) for count in np.bincount(codes) if count)
            return tuple(_moment(end) for end in ends), found, rows
    raise LeftOutError("the rows with a time hold labels of one class alone")


def _measured(
    answers: Answers, codes: NDArray[np.intp], metric: str
) -> tuple[Estimate, ...] | None:
    """Of each part; None when the metric can't be measured on one of them."""
    found = [
        deciding_estimate(answers.at(np.flatnonzero(codes == code)), metric)
        for code in np.unique(codes)
    ]
    sound = tuple(one for one in found if one is not None)
    return sound if len(sound) == len(found) else None


def _refitted(subject: Subject) -> tuple[Estimate | None, Estimate | None]:
    """On the past, and on rows of any time; None where the recipe or the rows don't allow it."""
    known = labelled(subject.reference)
    if subject.evaluation is not None:
        known = both(known, labelled(subject.evaluation))
    draw = subject.draw()
    timed = draw.permutation(np.flatnonzero(np.isfinite(known.at)))[:FITTED_ROWS]
    known = known.some(timed)
    if len(known) < 2 * _LEAST_PART:
        return None, None
    cut = np.quantile(known.at, 1 - _HELD_BACK, method="lower")
    later = np.flatnonzero(known.at > cut)
    earlier = np.flatnonzero(known.at <= cut)
    try:
        recipe = Recipe(subject)
        order = draw.permutation(len(known))
        began = time.monotonic()
        past = _score(recipe, known, earlier, later, subject)
        if time.monotonic() - began > seconds_left():
            return past, None
        anywhen = _score(recipe, known, order[: earlier.size], order[earlier.size :], subject)
    except LeftOutError:
        return None, None
    return past, anywhen


def _score(
    recipe: Recipe, known: Labelled, fitted: Places, measured: Places, subject: Subject
) -> Estimate | None:
    part, rest = known.some(fitted), known.some(measured)
    if len(rest) < _LEAST_PART or not recipe.complete(part):
        return None
    return recipe.measured(recipe.fitted(part), rest, _deciding(subject, rest))


def _deciding(subject: Subject, part: Labelled) -> str:
    """The metric that the review decides by."""
    if not subject.classification:
        return "rmse"
    probe = subject.runner.score(part.rows.part(0, 1))
    return "accuracy" if probe.probabilities is None else "roc_auc"


def _moment(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(float(seconds), UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise LeftOutError("its times are too far from now") from error
