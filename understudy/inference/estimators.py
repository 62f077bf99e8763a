"""scikit-learn models in skops files → runners."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import skops.io

from understudy.contracts.signature import Signature, Target
from understudy.contracts.vocabulary import Task
from understudy.inference.class_order import ClassOrder
from understudy.inference.errors import UnfitModelError
from understudy.inference.harmless import disarm
from understudy.inference.layouts import layout_of
from understudy.inference.rows import Rows
from understudy.inference.scored import Floats, Scored

# Classifiers whose `predict` is the class of the largest probability, by construction; others may
# decide differently (thresholds, votes) and are asked twice.
_ARGMAX: Final = frozenset(
    {
        "DecisionTreeClassifier",
        "ExtraTreesClassifier",
        "GaussianNB",
        "GradientBoostingClassifier",
        "HistGradientBoostingClassifier",
        "LinearDiscriminantAnalysis",
        "LogisticRegression",
        "RandomForestClassifier",
    }
)


class SklearnRunner:
    """Answers rows with a fitted scikit-learn model, in one or two of its calls."""

    def __init__(self, model: Any, signature: Signature, probe: Rows) -> None:
        use_one_thread(model)
        self._model = model
        self._layout = layout_of(model, signature, probe)
        self._classes = class_order(model, signature.target)
        self._gives_probabilities = self._classes is not None and hasattr(model, "predict_proba")
        self._argmax = decides_by_probability(model)

    def score(self, rows: Rows) -> Scored:
        """Raises what the model raises, and UnfitModelError for answers that are no numbers."""
        inputs = self._layout.inputs(rows)
        if self._classes is None:
            return Scored(_finite(self._model.predict(inputs), (len(rows),)))
        if not self._gives_probabilities:
            return Scored(self._classes.indices(self._model.predict(inputs)))
        found = _finite(self._model.predict_proba(inputs), (len(rows), len(self._classes.order)))
        if self._argmax:
            values = self._classes.positions[found.argmax(axis=1)]
        else:
            values = self._classes.indices(self._model.predict(inputs))
        return Scored(values, found[:, self._classes.order])


def use_one_thread(model: Any) -> None:
    """Set every `n_jobs` of a model and its parts to 1.

    Threads make single rows several times slower, and processes of its own would each need the
    memory that the asking process may take.
    """
    if not hasattr(model, "get_params"):
        return
    jobs = [name for name in model.get_params(deep=True) if name.split("__")[-1] == "n_jobs"]
    if jobs:
        model.set_params(**dict.fromkeys(jobs, 1))


def read_model(path: Path, trusted: Sequence[str]) -> Any:
    """The object in a skops file, with nothing in it that reaches for files.

    Raises when it holds types that are not trusted, and UnfitModelError for settings by which rows
    or refits would read or write files.
    """
    model = skops.io.load(path, trusted=[*trusted])
    disarm(model)
    return model


def class_order(model: Any, target: Target) -> ClassOrder | None:
    """None for a regression; UnfitModelError when the classes are not the signature's."""
    if target.task is Task.REGRESSION:
        return None
    classes = getattr(model, "classes_", None)
    if classes is None:
        raise UnfitModelError("the signature asks for a classifier; the model has no classes")
    return ClassOrder(np.asarray(classes).tolist(), target)


def decides_by_probability(model: Any) -> bool:
    """Whether `predict` is the class of the largest probability, by construction."""
    return type(_last_step(model)).__name__ in _ARGMAX


def _last_step(model: Any) -> Any:
    while hasattr(model, "steps"):
        model = model.steps[-1][1]
    return model


def _finite(found: Any, shape: tuple[int, ...]) -> Floats:
    numbers = np.asarray(found, dtype=np.float64)
    if numbers.shape != shape:
        raise UnfitModelError(f"the model answered in shape {numbers.shape} instead of {shape}")
    if not np.isfinite(numbers).all():
        raise UnfitModelError("the model answered with numbers that are not finite")
    return numbers
