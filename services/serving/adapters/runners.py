"""From a version's files to what answers: its compiled twin while that agrees, else sklearn."""

import pickle
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import structlog

from services.serving.domain.confidence import Interval
from services.serving.domain.rows import Plan
from services.serving.domain.scoring import UNKNOWN_COST, Cost, Loaded
from services.serving.domain.warming import has_example, probe_rows
from services.serving.settings import RunnerChoice
from understudy.contracts.registry import Compiled, ServedVersion
from understudy.contracts.vocabulary import ArtifactFormat
from understudy.inference.choosing import ByBatchSize, quicker
from understudy.inference.compiled import load_compiled
from understudy.inference.estimators import SklearnRunner, read_model
from understudy.inference.onnx_model import read_onnx_model
from understudy.inference.rows import Rows
from understudy.inference.scored import Runner, Scored
from understudy.runtime.logs import without_message

_PROBE_ROWS: Final = 64
_CALLS: Final = 5
SKLEARN: Final = "sklearn"
ONNX: Final = "onnx"
UNREADABLE: Final = "unreadable"
DISAGREES: Final = "disagrees"
UNFETCHED: Final = "unfetched"
SLOWER: Final = "slower"
_COMPILED_FACTOR: Final = 10
"""A session holds its file several times over; `benchmarks/deployments.py` measured it."""
_LEAST_BYTES: Final = 100_000
"""What a model of any size takes: its plan, its signature, its parts' bookkeeping."""


@dataclass(frozen=True, slots=True)
class Files:
    """What was fetched of a version."""

    artifact: Path
    compiled: Path | None = None
    unused: str | None = None
    """Why there is no compiled file, where the version has one."""


def load(files: Files, version: ServedVersion, trusted: tuple[str, ...]) -> Loaded:
    """A version that can answer: read, compared, warmed. Raises what stood in the way."""
    signature = version.signature
    probe = probe_rows(signature, _PROBE_ROWS)
    opened = (
        _onnx(files, version) if _is_onnx(version) else _sklearn(files, version, trusted, probe)
    )
    cost = _warm(opened.runner, probe, must_answer=has_example(signature))
    return Loaded(
        version.version,
        signature,
        Plan(signature),
        opened.runner,
        cost,
        runner_name=opened.name,
        compiled_unused=opened.unused,
        size_bytes=_LEAST_BYTES + opened.size_bytes,
        interval=_interval(version),
    )


@dataclass(frozen=True, slots=True)
class _Opened:
    """What answers."""

    runner: Runner
    name: str
    size_bytes: int
    unused: str | None = None


def _is_onnx(version: ServedVersion) -> bool:
    return version.format is ArtifactFormat.ONNX


def _onnx(files: Files, version: ServedVersion) -> _Opened:
    """There is no other runner of it, nor a twin."""
    runner = read_onnx_model(files.artifact, version.signature)
    return _Opened(runner, ONNX, _COMPILED_FACTOR * files.artifact.stat().st_size)


def _sklearn(
    files: Files, version: ServedVersion, trusted: tuple[str, ...], probe: Rows
) -> _Opened:
    model = read_model(files.artifact, trusted)
    original = SklearnRunner(model, version.signature, probe)
    runner, unused = _choose(files, version, original, probe)
    size = 0
    if runner is not original and files.compiled is not None:
        size += _COMPILED_FACTOR * files.compiled.stat().st_size
    if runner is original or isinstance(runner, ByBatchSize):
        size += held_bytes(model)
    return _Opened(runner, _name(runner, original, version.compiled), size, unused)


def wants_compiled(version: ServedVersion, choice: RunnerChoice) -> bool:
    """Whether the compiled file is worth fetching."""
    return version.compiled is not None and choice is RunnerChoice.AUTO


def _interval(version: ServedVersion) -> Interval | None:
    found = None if version.baseline is None else version.baseline.interval
    return None if found is None else Interval(found.level, found.half_width)


def held_bytes(model: Any) -> int:
    """About how much memory a model takes: the bytes of its arrays and attributes, pickled.

    Counted as they are written, so that no copy is made. The resident size of the process would
    count what the allocator keeps and other loads take meanwhile.
    """
    counted = _Counted()
    pickle.Pickler(counted, protocol=5).dump(model)
    return counted.bytes


class _Counted:
    """A file that keeps the length of what is written to it."""

    def __init__(self) -> None:
        self.bytes = 0

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        self.bytes += size
        return size


def _choose(
    files: Files, version: ServedVersion, original: SklearnRunner, probe: Rows
) -> tuple[Runner, str | None]:
    """What answers, by what was measured here and now; and why the compiled twin does not."""
    compiled = version.compiled
    if files.compiled is None or compiled is None:
        return original, files.unused
    log = structlog.stdlib.get_logger().bind(version=version.version, kind=compiled.kind)
    try:
        twin = load_compiled(files.compiled, compiled.kind, version.signature)
        agrees = _agree(twin, original, probe, compiled)
    except Exception as error:  # noqa: BLE001 - whatever a library makes of the file
        log.warning("compiled_unused", reason=UNREADABLE, **without_message(error))
        return original, UNREADABLE
    if not agrees:
        log.warning("compiled_unused", reason=DISAGREES)
        return original, DISAGREES
    runner = quicker(twin, original, probe)
    return runner, SLOWER if runner is original else None


def _name(runner: Runner, original: Runner, compiled: Compiled | None) -> str:
    if runner is original or compiled is None:
        return SKLEARN
    return f"{compiled.kind}+{SKLEARN}" if isinstance(runner, ByBatchSize) else compiled.kind


def _agree(twin: Runner, original: Runner, probe: Rows, compiled: Compiled) -> bool:
    """Whether both say the same of rows that the model can answer."""
    try:
        expected = original.score(probe)
    except Exception:  # noqa: BLE001 - drawn rows may be too much for it; the example is not
        probe = probe.part(0, 1)
        expected = original.score(probe)
    found = twin.score(probe)
    return alike(found, expected, compiled.tolerance)


def alike(found: Scored, expected: Scored, tolerance: float) -> bool:
    """Whether a twin's answers to the same rows can stand for the original's."""
    if found.probabilities is None or expected.probabilities is None:
        same_kind = found.probabilities is expected.probabilities
        return same_kind and np.allclose(found.values, expected.values, rtol=tolerance, atol=0.0)
    if np.abs(found.probabilities - expected.probabilities).max(initial=0.0) > tolerance:
        return False
    # As at the gate: where the original gives both labels the same probability, rounding decides.
    apart = np.flatnonzero(found.values != expected.values)
    mine, theirs = (
        expected.probabilities[apart, answers.values[apart].astype(np.intp)]
        for answers in (expected, found)
    )
    return bool(np.abs(mine - theirs).max(initial=0.0) <= tolerance)


def _warm(runner: Runner, probe: Rows, *, must_answer: bool) -> Cost:
    """Call until caches are filled, and measure: the quickest call is the steady one.

    Raises when the model can't answer the example; other drawn rows may be too much for it.
    """
    try:
        one = min(_seconds(runner, probe.part(0, 1)) for _ in range(_CALLS))
    except Exception:
        if must_answer:
            raise
        return UNKNOWN_COST
    try:
        many = min(_seconds(runner, probe) for _ in range(2))
    except Exception:  # noqa: BLE001 - whatever a model raises
        return Cost(one, one)
    return Cost(one, max(0.0, many - one) / (len(probe) - 1))


def _seconds(runner: Runner, rows: Rows) -> float:
    started = time.perf_counter()
    runner.score(rows)
    return time.perf_counter() - started
