"""scikit-learn models in skops files → runners. Nothing else imports a model library."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import skops.io
from numpy.typing import NDArray

from understudy.contracts.signature import Signature, Target
from understudy.contracts.vocabulary import Task
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


class UnfitModelError(Exception):
    """The artifact's model can't answer for the signature."""


class SklearnRunner:
    """Answers rows with a fitted scikit-learn model, in one or two of its calls."""

    def __init__(self, model: Any, signature: Signature, probe: Rows) -> None:
        use_one_thread(model)
        self._model = model
        self._layout = _layout(model, signature, probe)
        self._classes = _class_order(model, signature.target)
        self._gives_probabilities = self._classes is not None and hasattr(model, "predict_proba")
        self._argmax = type(_last_step(model)).__name__ in _ARGMAX

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


class ClassOrder:
    """Between the order of classes in the model and that in the signature."""

    def __init__(self, model_classes: Sequence[object], target: Target) -> None:
        if len(model_classes) != len(target.classes) or set(model_classes) != set(target.classes):
            raise UnfitModelError(
                f"the model's classes are {model_classes}, the signature's {target.classes}"
            )
        self._index = {label: index for index, label in enumerate(target.classes)}
        self.order: NDArray[np.intp] = np.array([model_classes.index(c) for c in target.classes])
        """Of each class of the signature: its column in the model's probabilities."""
        self.positions: Floats = np.array([self._index[c] for c in model_classes], dtype=np.float64)  # type: ignore[index]
        """Of each class of the model: its index in the signature."""

    def indices(self, labels: Any) -> Floats:
        """What `predict` returned, as indices in the signature's classes."""
        return np.array([self._index[label] for label in labels.tolist()], dtype=np.float64)


class Arrays:
    """Inputs as a two-dimensional float64 array."""

    def __init__(self, order: NDArray[np.intp] | None) -> None:
        self._order = order

    def inputs(self, rows: Rows) -> Floats:
        """Columns in the model's order."""
        return rows.numbers if self._order is None else rows.numbers[:, self._order]


class Frames:
    """Inputs as a DataFrame with the names that the model was fitted with."""

    def __init__(self, names: Sequence[str], signature: Signature) -> None:
        numeric = [feature.name for feature in signature.features if feature.numeric]
        texts = [feature.name for feature in signature.features if not feature.numeric]
        self._columns = [
            (name, name in numeric, (numeric if name in numeric else texts).index(name))
            for name in names
        ]

    def inputs(self, rows: Rows) -> pd.DataFrame:
        """Missing categories are NaN, as they are when a frame is read from a file."""
        return pd.DataFrame(
            {
                name: rows.numbers[:, index] if numeric else _texts(rows.texts[index])
                for name, numeric, index in self._columns
            },
            copy=False,
        )


class Objects(Frames):
    """Inputs as an array of objects, for a model fitted on one that held strings."""

    def inputs(self, rows: Rows) -> Any:
        """Columns in the signature's order."""
        return super().inputs(rows).to_numpy(dtype=object)


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
    """The object in a skops file; raises when it holds types that are not trusted."""
    return skops.io.load(path, trusted=[*trusted])


def _layout(model: Any, signature: Signature, probe: Rows) -> Arrays | Frames:
    names = getattr(model, "feature_names_in_", None)
    has_texts = any(not feature.numeric for feature in signature.features)
    if names is None:
        return Objects(signature.names, signature) if has_texts else Arrays(None)
    fitted = [str(name) for name in names]
    if sorted(fitted) != sorted(signature.names):
        raise UnfitModelError(f"the model was fitted with the features {fitted}")
    frames = Frames(fitted, signature)
    if has_texts:
        return frames
    order = np.array([signature.names.index(name) for name in fitted])
    arrays = Arrays(None if fitted == [*signature.names] else order)
    return arrays if _same_answers(model, arrays, frames, probe) else frames


def _same_answers(model: Any, arrays: Arrays, frames: Frames, probe: Rows) -> bool:
    """Whether the model takes plain arrays too: making a frame costs more than most models."""
    warnings.filterwarnings("ignore", message="X does not have valid feature names")
    ask = getattr(model, "predict_proba", model.predict)
    try:
        return bool(np.array_equal(ask(arrays.inputs(probe)), ask(frames.inputs(probe))))
    except Exception:  # noqa: BLE001 - a model that selects columns by name refuses in its own way
        return False


def _class_order(model: Any, target: Target) -> ClassOrder | None:
    if target.task is Task.REGRESSION:
        return None
    classes = getattr(model, "classes_", None)
    if classes is None:
        raise UnfitModelError("the signature asks for a classifier; the model has no classes")
    return ClassOrder(np.asarray(classes).tolist(), target)


def _last_step(model: Any) -> Any:
    while hasattr(model, "steps"):
        model = model.steps[-1][1]
    return model


def _texts(values: Sequence[str | None]) -> NDArray[np.object_]:
    return np.array([np.nan if value is None else value for value in values], dtype=object)


def _finite(found: Any, shape: tuple[int, ...]) -> Floats:
    numbers = np.asarray(found, dtype=np.float64)
    if numbers.shape != shape:
        raise UnfitModelError(f"the model answered in shape {numbers.shape} instead of {shape}")
    if not np.isfinite(numbers).all():
        raise UnfitModelError("the model answered with numbers that are not finite")
    return numbers
