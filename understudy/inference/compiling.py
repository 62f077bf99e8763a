"""Fitted models → compiled ones, each candidate tried at the gate; the fastest that passes is kept.

For the process that inspects a model when it is registered: converters are heavy and may do
anything, so serving never imports this.
"""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import CompiledKind
from understudy.inference.compiled import open_compiled
from understudy.inference.edges import Block, blocks
from understudy.inference.estimators import SklearnRunner, class_order, decides_by_probability
from understudy.inference.manifest import Answer, Manifest
from understudy.inference.numeric_twin import Twin, numeric_twin
from understudy.inference.onnx_export import export, file_of
from understudy.inference.parity import TOLERANCES, Answers, answers, parity
from understudy.inference.refusals import with_refusals
from understudy.inference.rows import Rows
from understudy.inference.scored import Runner
from understudy.inference.treelite_export import treelite_file

_CALLS: Final = 9
_CLEARLY: Final = 0.85
"""A less exact candidate must take at most this share of an exact one's time."""


@dataclass(frozen=True, slots=True)
class CompiledModel:
    """A model's faster twin, which passed the gate."""

    kind: CompiledKind
    precision: str
    """Of its inputs: `float64` or `float32`."""
    content: bytes
    """The file, which `compiled.load_compiled` reads."""
    rows: int
    """How many rows it was compared on."""
    difference: float
    """The largest between both answers: to a probability or, relative, to a number."""
    tolerance: float
    speedup: float
    """How many times faster it answers one row."""


@dataclass(frozen=True, slots=True)
class NotCompiled:
    """There is none."""

    reason: str


@dataclass(frozen=True, slots=True)
class _Candidate:
    kind: CompiledKind
    precision: str
    make: Callable[[Any, Signature, Twin], bytes]

    @property
    def title(self) -> str:
        return f"{self.kind.value} {self.precision}"


@dataclass(frozen=True, slots=True)
class _Gate:
    """What every candidate is compared with."""

    signature: Signature
    asked: tuple[Block, ...]
    expected: tuple[Answers, ...]
    original_seconds: float


def compile_model(model: Any, signature: Signature, sample: Rows) -> CompiledModel | NotCompiled:
    """Convert a fitted model that fits its signature; `sample` is rows of its reference sample.

    Whatever a converter or the model raises is the reason; only MemoryError is let through.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _compiled(model, signature, sample)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - foreign code: any failure is the reason
            return NotCompiled(_shown(error))


def _compiled(model: Any, signature: Signature, sample: Rows) -> CompiledModel | NotCompiled:
    original = SklearnRunner(model, signature, sample)
    twin = numeric_twin(model, signature)
    asked = blocks(signature, sample, twin.thresholds, twin.known)
    expected = tuple(answers(original, block.rows) for block in asked)
    if expected[0].refused.any():
        return NotCompiled("the model refuses rows of its reference sample")
    twin = replace(twin, coding=with_refusals(twin.coding, original, signature, sample))
    one = sample.part(0, 1)
    gate = _Gate(signature, asked, expected, seconds_of(original, one))
    return _best(model, twin, gate, one)


def _best(model: Any, twin: Twin, gate: _Gate, one: Rows) -> CompiledModel | NotCompiled:
    best: CompiledModel | None = None
    reasons = []
    for candidate in _CANDIDATES:
        if best is not None and candidate.kind is CompiledKind.TREELITE:
            break  # slower wherever the graph does
        found = _tried(candidate, model, twin, gate, one)
        if isinstance(found, NotCompiled):
            reasons.append(f"{candidate.title}: {found.reason}")
        elif best is None or best.speedup < found.speedup * _CLEARLY:
            best = found
    return best or NotCompiled("; ".join(reasons)[:_LONGEST])


def _tried(
    candidate: _Candidate, model: Any, twin: Twin, gate: _Gate, one: Rows
) -> CompiledModel | NotCompiled:
    try:
        content = candidate.make(model, gate.signature, twin)
        runner = open_compiled(content, candidate.kind, gate.signature)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - a converter's failure
        return NotCompiled(_shown(error))
    tolerance = TOLERANCES[candidate.precision]
    verdict = parity(gate.expected, runner, gate.asked, tolerance)
    if verdict.objection is not None:
        return NotCompiled(verdict.objection)
    speedup = gate.original_seconds / seconds_of(runner, one)
    if speedup <= 1.0:
        return NotCompiled(f"one row takes {1 / speedup:.1f} times as long as with scikit-learn")
    return CompiledModel(
        candidate.kind,
        candidate.precision,
        content,
        verdict.rows,
        verdict.difference,
        tolerance,
        speedup,
    )


def onnx_file(model: Any, signature: Signature, twin: Twin, precision: str) -> bytes:
    """The file of an ONNX candidate."""
    manifest = manifest_of(model, signature, twin, precision)
    graph = export(twin.model, len(signature.features), precision)
    return file_of(graph, manifest.answer, manifest.text())


def manifest_of(model: Any, signature: Signature, twin: Twin, precision: str) -> Manifest:
    """How a compiled twin of `model` is asked and read."""
    if class_order(model, signature.target) is None:
        return Manifest(precision, twin.coding, Answer.NUMBERS)
    answer = Answer.LABELS
    if hasattr(model, "predict_proba"):
        answer = Answer.PROBABILITIES if decides_by_probability(model) else Answer.BOTH
    return Manifest(precision, twin.coding, answer, tuple(model.classes_.tolist()))


def seconds_of(runner: Runner, rows: Rows) -> float:
    """What a call takes once caches are filled: the quickest of some."""
    spent = []
    for _ in range(_CALLS):
        began = time.perf_counter()
        runner.score(rows)
        spent.append(time.perf_counter() - began)
    return min(spent)


def _onnx64(model: Any, signature: Signature, twin: Twin) -> bytes:
    return onnx_file(model, signature, twin, "float64")


def _onnx32(model: Any, signature: Signature, twin: Twin) -> bytes:
    return onnx_file(model, signature, twin, "float32")


def _treelite(model: Any, signature: Signature, twin: Twin) -> bytes:
    return treelite_file(twin.model, manifest_of(model, signature, twin, "float64"))


def _shown(error: Exception) -> str:
    words = " ".join(str(error).split())
    return f"{type(error).__name__}: {words}"[:200]


_CANDIDATES: Final = (
    _Candidate(CompiledKind.ONNX, "float64", _onnx64),
    _Candidate(CompiledKind.ONNX, "float32", _onnx32),
    _Candidate(CompiledKind.TREELITE, "float64", _treelite),
)
_LONGEST: Final = 1_000
