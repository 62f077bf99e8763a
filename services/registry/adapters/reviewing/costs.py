"""What answering costs: with scikit-learn, and with what was compiled of the model.

Measured within the review's child, one runner after the other, each loaded anew: libraries are
loaded already, and memory is what the process keeps after it has given back what it no longer
needs. Figures are of the machine that the review was made on, and of one thread.
"""

import ctypes
import gc
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from services.registry.adapters.inspection.sample import evenly
from services.registry.adapters.reviewing.explaining_asking import asked, legal_places
from services.registry.adapters.reviewing.subject import LeftOutError, Subject
from understudy.contracts.reviews import Estimate, RunnerCost
from understudy.contracts.vocabulary import ArtifactFormat
from understudy.inference.compiled import load_compiled
from understudy.inference.estimators import SklearnRunner, read_model
from understudy.inference.onnx_model import read_onnx_model
from understudy.inference.rows import Rows
from understudy.inference.scored import Runner

SKLEARN: Final = "scikit-learn"
ONNX: Final = "onnx"
_PROBE_ROWS: Final = 100
_MANY: Final = 100
"""Rows of a call with many."""
_CALLS: Final = 100
_FEWEST_CALLS: Final = 5
_LONGEST_SECONDS: Final = 0.25
"""Of calls with one row, and again of calls with many."""
_QUANTILES: Final = (0.5, 0.05, 0.95)
_PAGES_OF: Final = Path("/proc/self/statm")

Load = Callable[[], Runner]


def cost_of(subject: Subject) -> tuple[RunnerCost, ...]:
    """Time to load, memory, and time to answer one row and a hundred; scikit-learn first.

    An ONNX model that was made elsewhere has one runner.
    A compiled model that can't be loaded any more is left out. Raises LeftOutError when the model
    itself can't be asked.
    """
    rows = _rows(subject)
    if subject.task.subject.format is ArtifactFormat.ONNX:
        path, signature = Path(subject.task.subject.path), subject.signature
        return (_cost(ONNX, lambda: read_onnx_model(path, signature), rows),)
    found = [_cost(SKLEARN, _sklearn(subject), rows)]
    compiled = subject.task.compiled
    if compiled is not None:
        path, kind, signature = Path(compiled.path), compiled.kind, subject.signature
        try:
            # Its library is no part of what the model takes.
            load_compiled(path, kind, signature)
            found.append(_cost(str(kind), lambda: load_compiled(path, kind, signature), rows))
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - a foreign file: whatever is wrong with it, scikit-learn answers
            return tuple(found)
    return tuple(found)


def _sklearn(subject: Subject) -> Load:
    task, reference = subject.task, subject.reference
    places = evenly(np.flatnonzero(reference.legal), _PROBE_ROWS)
    probe = reference.rows.at(places)

    def load() -> Runner:
        model = read_model(Path(task.subject.path), task.trusted)
        return SklearnRunner(model, task.signature, probe)

    return load


def _rows(subject: Subject) -> Rows:
    """A hundred legal rows; of fewer some more than once."""
    places = legal_places(subject.held, _MANY)
    return subject.held.rows.at(np.resize(places, _MANY))


def _cost(name: str, load: Load, rows: Rows) -> RunnerCost:
    before = _memory()
    began = time.perf_counter()
    runner = load()
    loaded = time.perf_counter() - began
    asked(runner, rows.part(0, 1))
    grown = max(_memory() - before, 0)
    return RunnerCost(
        runner=name,
        load_milliseconds=1_000 * loaded,
        memory_bytes=grown,
        one_row_milliseconds=_latency(runner, [rows.part(i, i + 1) for i in range(_MANY)]),
        hundred_rows_milliseconds=_latency(runner, [rows]),
    )


def _latency(runner: Runner, calls: list[Rows]) -> Estimate:
    """Median, 5 % and 95 % quantile of calls, in milliseconds."""
    asked(runner, calls[0])
    took, ends = list[float](), time.perf_counter() + _LONGEST_SECONDS
    while len(took) < _CALLS and (len(took) < _FEWEST_CALLS or time.perf_counter() < ends):
        rows = calls[len(took) % len(calls)]
        began = time.perf_counter()
        asked(runner, rows)
        took.append(1_000 * (time.perf_counter() - began))
    value, low, high = np.quantile(took, _QUANTILES).tolist()
    return Estimate(value, low, high)


def _memory() -> int:
    """Bytes of this process that are in memory, without what it could give back."""
    gc.collect()
    library = ctypes.CDLL(None)
    if hasattr(library, "malloc_trim"):  # glibc's
        library.malloc_trim(0)
    if not _PAGES_OF.exists():
        raise LeftOutError("the memory of a process can't be read on this system")
    pages = int(_PAGES_OF.read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()
