"""A model's recipe, fitted anew on other rows than it was fitted on."""

import warnings
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from services.registry.adapters.inspection.pieces import InPieces
from services.registry.adapters.reviewing.results_answers import Answers, Places, asked, joined
from services.registry.adapters.reviewing.results_intervals import share_of
from services.registry.adapters.reviewing.results_ranking import area_estimate, area_of
from services.registry.adapters.reviewing.subject import LeftOutError, Sampled, Subject
from understudy.contracts.reviews import Estimate
from understudy.contracts.signature import Signature
from understudy.inference.estimators import SklearnRunner, class_order, use_one_thread
from understudy.inference.harmless import disarm
from understudy.inference.layouts import layout_of
from understudy.inference.rows import Rows
from understudy.inference.rows import joined as joined_rows
from understudy.inference.scored import Floats, Runner

_PROBE_ROWS: Final = 100


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """Rows that all have a label; `at` are their times, NaN where there is none."""

    rows: Rows
    labels: Floats
    at: Floats

    def __len__(self) -> int:
        return int(self.labels.size)

    def some(self, places: Places) -> "Labelled":
        """Those at these places."""
        return Labelled(self.rows.at(places), self.labels[places], self.at[places])


def labelled(sampled: Sampled, places: Places | None = None) -> Labelled:
    """The usable rows of a sample, or those of them at the places."""
    chosen = sampled.usable if places is None else places
    at = np.full(sampled.labels.size, np.nan) if sampled.at is None else sampled.at
    return Labelled(sampled.rows.at(chosen), sampled.labels[chosen], at[chosen])


def both(first: Labelled, second: Labelled) -> Labelled:
    """The rows of two samples."""
    return Labelled(
        joined_rows([first.rows, second.rows]),
        np.concatenate([first.labels, second.labels]),
        np.concatenate([first.at, second.at]),
    )


class Recipe:
    """An estimator that can be fitted anew. Raises LeftOutError when it can't."""

    def __init__(self, subject: Subject) -> None:
        if subject.estimator is None:
            raise LeftOutError("the model's format holds no recipe that could be fitted anew")
        self._signature: Signature = subject.signature
        self._classes, self._positive = len(subject.signature.target.classes), subject.positive
        self._seed = subject.task.seed
        self._estimator = subject.estimator
        self._probe = subject.reference.rows.at(subject.reference.some(_PROBE_ROWS))
        self._layout = layout_of(subject.estimator, subject.signature, self._probe)
        self._copy()

    def complete(self, part: Labelled) -> bool:
        """Whether it holds labels enough: of every class there is, or two different numbers."""
        found = np.unique(part.labels).size
        return found == self._classes if self._classes else found > 1

    def fitted(self, part: Labelled) -> Runner:
        """Raises LeftOutError when it refuses the rows."""
        copy = self._copy()
        try:
            with warnings.catch_warnings(), threadpool_limits(limits=1):
                warnings.simplefilter("ignore")
                copy.fit(self._layout.inputs(part.rows), self._truth(part.labels))
                return InPieces(SklearnRunner(copy, self._signature, self._probe))
        except MemoryError:
            raise
        except Exception as error:
            reason = f"the recipe can't be fitted anew: {type(error).__name__}: {error}"
            raise LeftOutError(reason[:300]) from error

    def measured(self, runner: Runner, part: Labelled, metric: str) -> Estimate:
        """The deciding metric on some rows. Raises LeftOutError when it can't be measured."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            kept, scored = asked(runner, part.rows)
        if scored is None:
            raise LeftOutError("the recipe, fitted anew, refuses the rows it is measured on")
        like = Answers(np.empty(0), np.empty(0), None, self._classes, self._positive)
        found = deciding_estimate(joined(part.labels[kept], scored, like), metric)
        if found is None:
            raise LeftOutError("the rows it would be measured on hold labels of one class alone")
        return found

    def _copy(self) -> Any:
        try:
            copy = clone(self._estimator)
            use_one_thread(copy)
            disarm(copy)
            seeds = {
                name: self._seed
                for name, value in copy.get_params(deep=True).items()
                if name.split("__")[-1] == "random_state" and value is None
            }
            return copy.set_params(**seeds) if seeds else copy
        except Exception as error:
            reason = f"the recipe can't be copied: {type(error).__name__}: {error}"
            raise LeftOutError(reason[:300]) from error

    def _truth(self, labels: Floats) -> Any:
        """As the estimator was given them."""
        order = class_order(self._estimator, self._signature.target)
        if order is None:
            return labels
        return np.asarray(self._estimator.classes_)[order.order[labels.astype(np.intp)]]


def deciding_estimate(answers: Answers, metric: str) -> Estimate | None:
    """One metric, with an interval that needs no resampling.

    rmse: the delta method's, √(m ± 1.96·s/√n) of the squared errors' mean m and deviation s.
    """
    if metric == "roc_auc":
        area = area_of(answers)
        return None if area is None else area_estimate(area)
    if metric == "accuracy":
        return share_of((answers.labels == answers.values).sum(), len(answers))
    squares = np.square(answers.labels - answers.values)
    mean = float(squares.mean())
    if not np.isfinite(mean) or squares.size < 2:
        return None
    half = 1.96 * float(squares.std(ddof=1)) / squares.size**0.5
    if not np.isfinite(half):
        return None
    return Estimate(mean**0.5, max(mean - half, 0.0) ** 0.5, (mean + half) ** 0.5)
