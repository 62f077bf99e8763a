"""A version as a child process has it: loaded from verified files, and called once."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from services.serving.adapters.scoring.frames import ModelFiles
from services.serving.domain.warming import probe_rows
from understudy.contracts.events import CategoryColumn, NumberColumn, PredictionBatch
from understudy.contracts.signature import Signature, Target
from understudy.contracts.vocabulary import ArtifactFormat, CompiledKind
from understudy.inference.rows import Rows
from understudy.inference.scored import Runner

_PROBE_ROWS: Final = 64


@dataclass(frozen=True, slots=True)
class Model:
    """A version that can answer."""

    version: int
    target: Target
    layout: "Layout"
    runner: Runner

    def row_seconds(self) -> float | None:
        """How long a call with one row takes, the first call aside; None when it raises."""
        probe = probe_rows(self.layout.signature, 1)
        try:
            self.runner.score(probe)
            started = time.perf_counter()
            self.runner.score(probe)
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - a challenger's failures are outcomes of rows
            return None
        return time.perf_counter() - started


class Layout:
    """Turns columns of entries into rows, in the order of one signature."""

    def __init__(self, signature: Signature) -> None:
        self.signature = signature
        self._names = [*signature.names]
        self._numeric = [i for i, feature in enumerate(signature.features) if feature.numeric]
        self._texts = [i for i, feature in enumerate(signature.features) if not feature.numeric]

    def rows_of(self, batch: PredictionBatch) -> Rows | None:
        """The rows of an entry; None when it lacks a feature.

        Versions of a deployment take the same features, but a deployment may have been deleted
        and made anew under the same name.
        """
        columns = batch.columns
        if [column.name for column in columns] != self._names:
            named = {column.name: column for column in columns}
            if not named.keys() >= {*self._names}:
                return None
            columns = [named[name] for name in self._names]
        numbers = [c.data for i in self._numeric if isinstance(c := columns[i], NumberColumn)]
        texts = [c.data for i in self._texts if isinstance(c := columns[i], CategoryColumn)]
        if len(numbers) != len(self._numeric) or len(texts) != len(self._texts):
            return None
        # One stretch of memory, seen as a matrix: a view for each column would cost more.
        flat = np.frombuffer(b"".join(numbers), dtype="<f8")
        return Rows(flat.reshape(len(numbers), len(batch.ids)).T, tuple(texts))


Open = Callable[[ModelFiles], Runner]


def open_runner(files: ModelFiles) -> Runner:
    """The compiled twin where there is one and it opens; else the artifact's own model.

    ONNX stands alone: it was compared when it was registered, and sklearn takes seconds and
    200 MB. Treelite is slower than sklearn from some number of rows on, so both are had.
    """
    if files.format is ArtifactFormat.ONNX:
        from understudy.inference.onnx_model import read_onnx_model  # noqa: PLC0415

        return read_onnx_model(Path(files.artifact), files.signature)
    twin = _twin(files)
    if twin is not None and files.compiled_kind is CompiledKind.ONNX:
        return twin
    from understudy.inference.choosing import quicker  # noqa: PLC0415 - large libraries
    from understudy.inference.estimators import SklearnRunner, read_model  # noqa: PLC0415

    probe = probe_rows(files.signature, _PROBE_ROWS)
    model = read_model(Path(files.artifact), files.trusted)
    original = SklearnRunner(model, files.signature, probe)
    return original if twin is None else quicker(twin, original, probe)


def _twin(files: ModelFiles) -> Runner | None:
    if files.compiled is None or files.compiled_kind is None:
        return None
    from understudy.inference.compiled import load_compiled  # noqa: PLC0415 - a large library

    try:
        return load_compiled(Path(files.compiled), files.compiled_kind, files.signature)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - slower then, but as right
        return None


def load(files: ModelFiles, opened: Open) -> Model:
    """A version that can answer. Raises whatever stood in the way."""
    return Model(files.version, files.signature.target, Layout(files.signature), opened(files))
