"""Whether a model can answer for its signature, within the child of `inspection`.

It is loaded and asked as serving will load and ask it.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
import skops.io
from sklearn.exceptions import NotFittedError

from services.registry.adapters.inspection import Finding, Task
from services.registry.adapters.inspection_sample import Columns
from understudy.contracts.signature import Signature, Target
from understudy.contracts.vocabulary import Task as Kind
from understudy.inference.estimators import use_one_thread

_ARTIFACT: Final = "/artifact"
_FEATURES: Final = "/signature/features"
_CLASSES: Final = "/signature/target/classes"
_TASK: Final = "/signature/target/task"
_MOST_NAMED: Final = 20


def findings(task: Task, rows: Columns) -> tuple[Finding, ...]:
    """The first thing that does not fit; empty when the model answers as the signature says."""
    try:
        model = skops.io.load(task.artifact, trusted=[*task.trusted])
        found = next(_misfits(model, task.signature, rows), None)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - a foreign model: any failure of it is a finding
        found = Finding(_ARTIFACT, f"the model can't be loaded or asked here ({_shown(error)})")
    return () if found is None else (found,)


def _misfits(model: Any, signature: Signature, rows: Columns) -> Iterator[Finding]:
    if not hasattr(model, "predict"):
        kind = type(model).__name__
        yield Finding(_ARTIFACT, f"it holds a {kind} without 'predict'; save the fitted model")
        return
    use_one_thread(model)
    yield from _features(model, signature)
    inputs = _inputs(model, signature, rows)
    try:
        answers = np.asarray(model.predict(inputs))
    except MemoryError:
        raise
    except NotFittedError:
        yield Finding(_ARTIFACT, "the model is not fitted; fit it before you save it")
        return
    except Exception as error:  # noqa: BLE001 - a foreign model: any failure of it is a finding
        yield Finding(_ARTIFACT, f"'predict' fails on rows of the sample ({_shown(error)})")
        return
    yield from _answers(answers, len(inputs))
    if signature.target.task is Kind.REGRESSION:
        yield from _regressor(model, answers)
    else:
        yield from _classifier(model, signature.target, answers)
        yield from _probabilities(model, signature.target, inputs)


def _features(model: Any, signature: Signature) -> Iterator[Finding]:
    names = getattr(model, "feature_names_in_", None)
    count = getattr(model, "n_features_in_", None)
    stated = signature.names
    if names is not None and {*map(str, names)} != {*stated}:
        fitted = [str(name) for name in names]
        odd = sorted({*fitted} ^ {*stated})
        yield Finding(
            _FEATURES,
            f"the model was fitted with {_list(fitted)}, the signature states {_list(stated)} "
            f"(not in both: {_list(odd)}); state the features that the model was fitted with",
        )
    elif count is not None and count != len(stated):
        yield Finding(
            _FEATURES,
            f"the model was fitted with {count} features, the signature states {len(stated)}; "
            "state the features that the model was fitted with, in their order",
        )


def _inputs(model: Any, signature: Signature, rows: Columns) -> Any:
    names = getattr(model, "feature_names_in_", None)
    if names is not None:
        return pd.DataFrame({str(name): rows[str(name)] for name in names})
    numeric = all(feature.numeric for feature in signature.features)
    frame = pd.DataFrame({name: rows[name] for name in signature.names})
    return frame.to_numpy(dtype=np.float64 if numeric else object)


def _answers(answers: Any, rows: int) -> Iterator[Finding]:
    if answers.shape != (rows,):
        yield Finding(
            _ARTIFACT,
            f"'predict' answers {rows} rows in the shape {answers.shape}; "
            "train a model that answers one value a row",
        )


def _regressor(model: Any, answers: Any) -> Iterator[Finding]:
    if getattr(model, "classes_", None) is not None:
        yield Finding(
            _TASK,
            "the model is a classifier; state the task 'classification' and its classes, "
            "or upload a regressor",
        )
    elif not np.issubdtype(answers.dtype, np.number) or not np.isfinite(answers).all():
        yield Finding(
            _ARTIFACT, "'predict' answers rows of the sample with values that are no finite numbers"
        )


def _classifier(model: Any, target: Target, answers: Any) -> Iterator[Finding]:
    classes = getattr(model, "classes_", None)
    if classes is None:
        yield Finding(
            _TASK, "the model has no classes; state the task 'regression', or upload a classifier"
        )
        return
    known = np.asarray(classes).tolist()
    if len(known) != len(target.classes) or {*known} != {*target.classes}:
        yield Finding(
            _CLASSES,
            f"the model's classes are {_list(known)}, the signature's {_list(target.classes)}; "
            "state the classes that the model was fitted with, in the same type",
        )
    elif not {*answers.tolist()} <= {*known}:
        yield Finding(_ARTIFACT, "'predict' answers something else than the model's classes")


def _probabilities(model: Any, target: Target, inputs: Any) -> Iterator[Finding]:
    """Serving asks for them when the model can tell them."""
    if not hasattr(model, "predict_proba"):
        return
    found = np.asarray(model.predict_proba(inputs), dtype=np.float64)
    if found.shape != (len(inputs), len(target.classes)) or not np.isfinite(found).all():
        yield Finding(
            _ARTIFACT, "'predict_proba' does not answer one finite number a row and class"
        )


def _list(values: Sequence[object]) -> str:
    more = ", …" if len(values) > _MOST_NAMED else ""
    return ", ".join(repr(value)[:80] for value in values[:_MOST_NAMED]) + more


def _shown(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300].strip()
