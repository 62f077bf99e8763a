"""Whether a model can answer for its signature, within the child.

It is loaded and asked as serving will load and ask it.
"""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from sklearn.exceptions import InconsistentVersionWarning, NotFittedError

from services.registry.adapters.inspection.fit_onnx import examine_onnx
from services.registry.adapters.inspection.messages import Finding, Task
from services.registry.adapters.inspection.releases import other_release
from understudy.contracts.signature import Signature, Target
from understudy.contracts.vocabulary import ArtifactFormat
from understudy.contracts.vocabulary import Task as Kind
from understudy.inference.errors import UnfitModelError
from understudy.inference.estimators import SklearnRunner, read_model, use_one_thread
from understudy.inference.layouts import layout_of
from understudy.inference.onnx_model import OnnxModelRunner
from understudy.inference.rows import Rows
from understudy.inference.scored import Runner

_ARTIFACT: Final = "/artifact"
_FEATURES: Final = "/signature/features"
_CLASSES: Final = "/signature/target/classes"
_TASK: Final = "/signature/target/task"
_MOST_NAMED: Final = 20
_TRIED_ROWS: Final = 16


@dataclass(frozen=True, slots=True)
class Examined:
    """The loaded model, and the first thing about it that does not fit."""

    model: Any
    """An estimator, or the runner of an ONNX model."""
    findings: tuple[Finding, ...] = ()
    """Empty when the model answers as the signature says."""
    other_version: str | None = None
    """Which release of scikit-learn saved it, when it is another one than is here."""


def examine(task: Task, rows: Rows, kept_as: ArtifactFormat = ArtifactFormat.SKOPS) -> Examined:
    """Load the model and ask it some of the rows."""
    if kept_as is ArtifactFormat.ONNX:
        runner, misfit = examine_onnx(task, rows)
        return Examined(runner, () if misfit is None else (misfit,))
    model, told = None, list[warnings.WarningMessage]()
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always", InconsistentVersionWarning)
            model = read_model(Path(task.artifact), task.trusted)
        found = next(_misfits(model, task.signature, rows.part(0, _TRIED_ROWS)), None)
    except MemoryError:
        raise
    except UnfitModelError as error:
        found = Finding(_ARTIFACT, str(error))
    except Exception as error:  # noqa: BLE001 - a foreign model: any failure of it is a finding
        found = Finding(_ARTIFACT, f"the model can't be loaded or asked here ({_shown(error)})")
    return Examined(model, () if found is None else (found,), other_release(told))


def runner_over(model: Any, signature: Signature, probe: Rows) -> Runner:
    """What answers with a model that was found to fit."""
    if isinstance(model, OnnxModelRunner):
        return model
    return SklearnRunner(model, signature, probe)


def _misfits(model: Any, signature: Signature, rows: Rows) -> Iterator[Finding]:
    if not hasattr(model, "predict"):
        kind = type(model).__name__
        yield Finding(_ARTIFACT, f"it holds a {kind} without 'predict'; save the fitted model")
        return
    use_one_thread(model)
    yield from _features(model, signature)
    try:
        inputs = layout_of(model, signature, rows).inputs(rows)
        answers = np.asarray(model.predict(inputs))
    except MemoryError:
        raise
    except NotFittedError:
        yield Finding(_ARTIFACT, "the model is not fitted; fit it before you save it")
        return
    except Exception as error:  # noqa: BLE001 - a foreign model: any failure of it is a finding
        yield Finding(_ARTIFACT, f"'predict' fails on rows of the sample ({_shown(error)})")
        return
    yield from _answers(answers, len(rows))
    if signature.target.task is Kind.REGRESSION:
        yield from _regressor(model, answers)
    else:
        yield from _classifier(model, signature.target, answers)
    yield from _served(model, signature, rows)


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


def _served(model: Any, signature: Signature, rows: Rows) -> Iterator[Finding]:
    """What serving would say when it is asked the same rows."""
    try:
        SklearnRunner(model, signature, rows).score(rows)
    except UnfitModelError as error:
        yield Finding(_ARTIFACT, str(error))


def _list(values: Sequence[object]) -> str:
    more = ", …" if len(values) > _MOST_NAMED else ""
    return ", ".join(repr(value)[:80] for value in values[:_MOST_NAMED]) + more


def _shown(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300].strip()
