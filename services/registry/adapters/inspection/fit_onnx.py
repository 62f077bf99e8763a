"""Whether an ONNX model can answer for its signature, within the child.

The file was looked at before (`understudy.inference.onnx_model_look`). It is loaded and asked as
serving will load and ask it.
"""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.registry.adapters.inspection.messages import Finding, Task
from understudy.inference.errors import RefusedRowsError, UnfitModelError
from understudy.inference.onnx_model import CLASSES, OnnxModelRunner, read_onnx_model
from understudy.inference.parity import Answers, answers, one_by_one
from understudy.inference.rows import Rows
from understudy.inference.scored import Floats

_ARTIFACT: Final = "/artifact"
_TRIED_ROWS: Final = 16
_COMPARED_ROWS: Final = 256
_FAR: Final = 1e-3
"""Sums of float32 are nearer to one another, and to 1, than this."""
_MOST_APART: Final = 0.5
"""Share of labels that may be another class than the most probable one: thresholds make some."""


def examine_onnx(task: Task, rows: Rows) -> tuple[OnnxModelRunner | None, Finding | None]:
    """The model, and the first thing about it that does not fit."""
    try:
        runner = read_onnx_model(Path(task.artifact), task.signature)
        return runner, misfit(runner, rows)
    except MemoryError:
        raise
    except UnfitModelError as error:
        return None, Finding(_ARTIFACT, str(error))
    except Exception as error:  # noqa: BLE001 - a foreign model: any failure of it is a finding
        said = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        return None, Finding(_ARTIFACT, f"the model can't be asked rows of the sample ({said})")


def misfit(runner: OnnxModelRunner, rows: Rows) -> Finding | None:
    """What about its answers to rows of a sample is none of a model's."""
    tried = rows.part(0, _TRIED_ROWS)
    alone = one_by_one(runner, tried)
    if alone.refused.all():
        return Finding(_ARTIFACT, _why_refused(runner, tried))
    kept = np.flatnonzero(~alone.refused)
    together = answers(runner, tried.at(kept))
    if not _alike(together, alone, kept):
        return Finding(
            _ARTIFACT,
            "what the model answers to a row hangs on the other rows of the same call; each row "
            "must be answered by itself (look at the axis of sums, means and softmax)",
        )
    compared = answers(runner, rows.part(0, _COMPARED_ROWS))
    if compared.probabilities is None:
        return None
    known = np.flatnonzero(~compared.refused)
    return _odd_probabilities(compared.values[known], compared.probabilities[known])


def _alike(together: Answers, alone: Answers, kept: NDArray[np.intp]) -> bool:
    if together.refused.any():
        return False
    found, own = together.probabilities, alone.probabilities
    if found is not None and own is not None:
        return bool(np.abs(found - own[kept]).max() <= _FAR)
    values = alone.values[kept]
    scale = max(float(np.abs(values).max()), 1.0)
    return bool(np.abs(together.values - values).max() <= _FAR * scale)


def _odd_probabilities(values: Floats, probabilities: Floats) -> Finding | None:
    within = (probabilities >= -_FAR) & (probabilities <= 1.0 + _FAR)
    if not within.all() or np.abs(probabilities.sum(axis=1) - 1.0).max() > _FAR:
        return Finding(
            _ARTIFACT,
            "what the model answers as probabilities are none: they are not between 0 and 1, or a "
            "row's do not add up to 1. Export probabilities (softmax), or the label alone",
        )
    if (probabilities.argmax(axis=1) != values).mean() > _MOST_APART:
        return Finding(
            _ARTIFACT,
            "most labels that the model answers are not the class of the largest probability, when "
            f"columns are taken in the classes' order; state it in the property '{CLASSES}' of the "
            "model's metadata, as a list in JSON",
        )
    return None


def _why_refused(runner: OnnxModelRunner, rows: Rows) -> str:
    """`answers` keeps what a row was refused for to itself."""
    try:
        runner.score(rows.part(0, 1))
    except RefusedRowsError as error:
        return (
            f"the model refuses all rows of the sample that were tried: {error}. Export inputs "
            "that can hold such values, or say in the model's metadata what stands for them"
        )
    except Exception as error:  # noqa: BLE001 - a foreign model: any failure of it is a finding
        said = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        return f"the model fails on rows of the sample ({said})"
    return "the model refuses all rows of the sample that were tried"
