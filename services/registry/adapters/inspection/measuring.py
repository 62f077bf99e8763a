"""A version's baseline, within the child: its answers to a sample, and what they hang on."""

from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from services.registry.adapters.inspection.fit import runner_over
from services.registry.adapters.inspection.importances import importances
from services.registry.adapters.inspection.labelled import Labelled, read_labelled
from services.registry.adapters.inspection.messages import (
    BaselineFigures,
    Measurement,
    Measuring,
    Task,
)
from services.registry.adapters.inspection.overtime import OverTimeError, at_most
from services.registry.adapters.inspection.pieces import InPieces
from services.registry.domain.conformal import interval_of
from services.registry.domain.versions import Interval
from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import BaselineSample
from understudy.contracts.vocabulary import Task as TargetTask
from understudy.inference.parity import Answers, answers
from understudy.inference.rows import Rows
from understudy.inference.scored import Runner

_LONGEST_REASON: Final = 1_000


class _NothingToMeasureError(Exception):
    """No row of the sample can be answered."""


def measurement(task: Task, limits: Measuring, model: Any, probe: Rows) -> Measurement:
    """Write the model's answers to the output, or say why there are none.

    Half of the time is for them, the other half for importances, of which some may be missing.
    """
    output, half = Path(limits.output), limits.seconds / 2
    try:
        with at_most(half):
            runner = InPieces(runner_over(model, task.signature, probe))
            found, interval = _answered(runner, task, output)
    except _NothingToMeasureError as nothing:
        return Measurement(reason=str(nothing))
    except OverTimeError:
        return Measurement(reason=f"answering the sample took longer than {half:g} s")
    except MemoryError:
        return Measurement(reason="measuring takes more memory than it may")
    except Exception as error:  # noqa: BLE001 - foreign models and files: any failure is a reason
        reason = f"measuring failed ({type(error).__name__}: {error})"
        return Measurement(reason=reason[:_LONGEST_REASON])
    if output.stat().st_size > limits.most_bytes:
        return Measurement(reason="the answers are larger than an artifact may be")
    figures = BaselineFigures(
        sample=_sample_of(task),
        rows=len(found.labels),
        importances=_importances(runner, found, task.signature, half),
        interval=interval,
    )
    return Measurement(figures=figures)


def _answered(runner: Runner, task: Task, output: Path) -> tuple[Labelled, Interval | None]:
    """Write what the model answers; returns the rows that it answered, and how far it was off."""
    sample = task.evaluation or task.reference
    found = read_labelled(sample, task.signature, task.time_column)
    if not len(found.labels):
        timed = f" and that has a time in '{task.time_column}'" if task.time_column else ""
        raise _NothingToMeasureError(
            f"the {_sample_of(task)} sample has no row that the signature allows{timed}"
        )
    answered = answers(runner, found.rows)
    kept = np.flatnonzero(~answered.refused)
    if not kept.size:
        raise _NothingToMeasureError(f"the model answers no row of the {_sample_of(task)} sample")
    part = found.some(kept)
    _write(output, answered, part, kept)
    return part, _interval(task, answered.values[kept], part)


def _write(output: Path, answered: Answers, part: Labelled, kept: Any) -> None:
    columns = {"value": answered.values[kept]}
    if answered.probabilities is not None:
        chances = answered.probabilities[kept]
        columns |= {f"p{place}": chances[:, place] for place in range(chances.shape[1])}
    columns["label"] = part.labels
    if part.at is not None:
        columns["at"] = part.at
    if part.numbers is not None:
        columns["row"] = part.numbers
    parquet.write_table(pa.table(columns), output)


def _interval(task: Task, values: Any, part: Labelled) -> Interval | None:
    """Only from rows that were held out: a model is nearer to what it was trained on."""
    regression = task.signature.target.task is TargetTask.REGRESSION
    if not regression or _sample_of(task) is not BaselineSample.EVALUATION:
        return None
    known = np.isfinite(part.labels)
    return interval_of(np.abs(part.labels - values)[known].tolist())


def _importances(
    runner: Runner, found: Labelled, signature: Signature, seconds: float
) -> dict[str, float]:
    """Those that could be measured in time."""
    measured = dict[str, float]()
    # A foreign model: whatever it does, its answers are written already.
    with suppress(OverTimeError, Exception), at_most(seconds):
        for name, growth in importances(runner, found, signature):
            measured[name] = growth
    return measured


def _sample_of(task: Task) -> BaselineSample:
    return BaselineSample.REFERENCE if task.evaluation is None else BaselineSample.EVALUATION
