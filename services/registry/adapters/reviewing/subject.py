"""What every part of a review is made from: the model, its samples, and whom it is held against."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from services.registry.adapters.inspection.pieces import InPieces
from services.registry.adapters.inspection.sample import (
    evenly,
    legal_rows,
    numbers_in,
    rows_in,
    spread_batches,
    spread_places,
)
from services.registry.adapters.reviewing.messages import ModelFile, ReviewTask, SampleFile
from understudy.contracts.signature import Signature, Target
from understudy.contracts.vocabulary import ArtifactFormat, BaselineSample, Task
from understudy.inference.estimators import SklearnRunner, read_model
from understudy.inference.onnx_model import read_onnx_model
from understudy.inference.row_times import times_of
from understudy.inference.rows import Rows
from understudy.inference.scored import Floats, Runner

MOST_ROWS: Final = 50_000
_MOST_VALUES: Final = 20_000_000
"""Fewer rows of very many columns: the values of all of them are held at once."""
_PROBE_ROWS: Final = 100
_CLEARLY_RARER: Final = 0.45
"""Share of the rarer class. Nearer to a half, samples would decide which one it is."""
_LONGEST_REASON: Final = 500


class LeftOutError(Exception):
    """A part can't be made of this subject; the message says why."""


@dataclass(frozen=True, slots=True, eq=False)
class Sampled:
    """A sample, of which rows were read evenly spread, all columns of them."""

    sample: BaselineSample
    file: SampleFile
    size_bytes: int
    total: int
    """Rows of the file."""
    table: Any
    """Of pyarrow: features, target, time, protected attributes, as they are stored."""
    rows: Rows
    """The features as serving hands them over."""
    labels: Floats
    """The index of the class in the signature's order, or the number; NaN without one."""
    at: Floats | None
    """Seconds since the epoch; NaN where null; None without a time column."""
    legal: NDArray[np.bool_]
    """Of each row: whether the signature allows it."""
    protected: Mapping[str, tuple[str | None, ...]]
    """Values as text, by attribute."""

    @property
    def usable(self) -> NDArray[np.intp]:
        """Places of the rows that a model may be asked, and that have a label."""
        return np.flatnonzero(self.legal & np.isfinite(self.labels))

    def some(self, most: int) -> NDArray[np.intp]:
        """At most so many of the usable places, from the first to the last."""
        return evenly(self.usable, most)


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """The version that is reviewed, loaded."""

    task: ReviewTask
    runner: Runner
    """In pieces, so that a part that runs over can be interrupted between them."""
    estimator: Any | None
    """The scikit-learn object; None for what can't be fitted anew."""
    reference: Sampled
    evaluation: Sampled | None
    main: Runner | None
    main_missing: str | None = None
    """Why there is none, where there is a main."""

    @property
    def signature(self) -> Signature:
        """What it takes and answers."""
        return self.task.signature

    @property
    def classification(self) -> bool:
        """Whether it answers classes."""
        return self.signature.target.task is Task.CLASSIFICATION

    @property
    def held(self) -> Sampled:
        """What results are measured on: rows that it was not trained on, where there are some."""
        return self.reference if self.evaluation is None else self.evaluation

    @property
    def positive(self) -> int | None:
        """Of two classes, the index of the clearly rarer one, else of the signature's last.

        By the reference sample, so that it does not depend on which rows were held out. None for
        more classes and for numbers.
        """
        if not self.classification or len(self.signature.target.classes) != 2:
            return None
        first, last = (np.nansum(self.reference.labels == place) for place in (0.0, 1.0))
        return 0 if first < _CLEARLY_RARER * (first + last) else 1

    def draw(self) -> np.random.Generator:
        """Random numbers, the same for each part that asks."""
        return np.random.default_rng(self.task.seed)


def read_subject(task: ReviewTask) -> Subject:
    """Load the model and read the samples; both were found to fit at registration.

    A main that can't be loaded any more is no reason to have no review.
    """
    reference = _read(task, task.reference, BaselineSample.REFERENCE)
    evaluation = None
    if task.evaluation is not None:
        evaluation = _read(task, task.evaluation, BaselineSample.EVALUATION)
    runner, estimator = load(task, task.subject, task.signature, reference)
    main, missing = _main(task, reference)
    return Subject(task, runner, estimator, reference, evaluation, main, missing)


def _main(task: ReviewTask, reference: Sampled) -> tuple[Runner | None, str | None]:
    if task.main is None:
        return None, task.main_missing
    try:
        runner, _ = load(task, task.main, task.main_signature or task.signature, reference)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - a foreign model, of which types may be trusted no more
        reason = f"the main, version {task.main.number}, can't be loaded ({error})"
        return None, reason[:_LONGEST_REASON]
    return runner, None


def load(
    task: ReviewTask, file: ModelFile, signature: Signature, sample: Sampled
) -> tuple[Runner, Any | None]:
    """A runner over a model's file, and the estimator in it; an ONNX model has none."""
    if file.format is ArtifactFormat.ONNX:
        return InPieces(read_onnx_model(Path(file.path), signature)), None
    probe = sample.rows.at(evenly(np.flatnonzero(sample.legal), _PROBE_ROWS))
    model = read_model(Path(file.path), task.trusted)
    return InPieces(SklearnRunner(model, signature, probe)), model


def _read(task: ReviewTask, file: SampleFile, sample: BaselineSample) -> Sampled:
    signature = task.signature
    columns = [*signature.names, signature.target.name]
    columns += [
        name for name in (task.time_column, *task.protected) if name and name not in columns
    ]
    most = min(MOST_ROWS, max(_MOST_VALUES // len(columns), 1))
    with parquet.ParquetFile(file.path) as opened:
        total = opened.metadata.num_rows
        chosen = [part for _, part in spread_batches(opened, columns, most)]
    assert len(spread_places(total, most)) == sum(part.num_rows for part in chosen)  # noqa: S101
    table = pa.Table.from_batches(chosen).combine_chunks()
    batch = table.to_batches()[0]
    rows = rows_in(batch, signature)
    return Sampled(
        sample=sample,
        file=file,
        size_bytes=Path(file.path).stat().st_size,
        total=total,
        table=table,
        rows=rows,
        labels=labels_in(batch[signature.target.name], signature.target),
        at=None if task.time_column is None else times_of(batch[task.time_column]),
        legal=legal_rows(rows, signature),
        protected={name: _texts(batch[name]) for name in task.protected},
    )


def labels_in(column: Any, target: Target) -> Floats:
    """The index of the class, or the number; NaN without one."""
    if target.task is Task.REGRESSION:
        return numbers_in(column)
    index = {label: float(place) for place, label in enumerate(target.classes)}
    return np.array([index.get(value, np.nan) for value in column.to_pylist()], dtype=np.float64)


def _texts(column: Any) -> tuple[str | None, ...]:
    return tuple(None if value is None else str(value) for value in column.to_pylist())
