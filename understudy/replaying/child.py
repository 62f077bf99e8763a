"""The child of `process`: `python -m understudy.replaying.child BYTES`. Loads a model and asks it.

It has no key and no address of ours. It may take so many bytes of memory; whatever a model does
here ends with this process, and this process ends with its parent.
"""

import resource
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from understudy.contracts.vocabulary import ArtifactFormat
from understudy.inference.compiled import load_compiled
from understudy.inference.estimators import SklearnRunner, read_model
from understudy.inference.onnx_model import read_onnx_model
from understudy.inference.parity import Answers, answers
from understudy.inference.rows import Rows
from understudy.inference.scored import Runner
from understudy.replaying.auditing import audit
from understudy.replaying.frames import (
    ASKS,
    LINE,
    Answered,
    Ask,
    Audit,
    Audited,
    Begin,
    Failed,
    Part,
    Ready,
    Reply,
)
from understudy.replaying.history import read_past

_AT_ONCE = 4_096
"""Rows in one call of a model."""
_PROBE = 64
_LONGEST_ERROR = 500


class Child:
    """What the process holds."""

    def __init__(self) -> None:
        self._task: Begin | None = None
        self._model: Any = None
        """Of scikit-learn."""
        self._onnx: Runner | None = None
        self._twin: Runner | None = None

    def reply(self, ask: Ask) -> Reply:
        """Do as asked; whatever stands in the way is the answer."""
        try:
            return self._do(ask)
        except MemoryError:
            return Failed("it needs more memory than it may take: see --memory")
        except Exception as error:  # noqa: BLE001 - whatever a file makes a library raise
            return Failed(f"{type(error).__name__}: {error}"[:_LONGEST_ERROR])

    def _do(self, ask: Ask) -> Reply:
        if isinstance(ask, Begin):
            return self._begin(ask)
        if self._task is None:
            raise RuntimeError("a child is begun first")
        return (
            self._audit(self._task, ask.part)
            if isinstance(ask, Audit)
            else self._answer(self._task, ask.part)
        )

    def _begin(self, task: Begin) -> Reply:
        if task.format is ArtifactFormat.ONNX:
            self._onnx = read_onnx_model(Path(task.artifact), task.signature)
        else:
            self._model = read_model(Path(task.artifact), task.trusted)
        if task.compiled is not None and task.compiled_kind is not None:
            self._twin = load_compiled(Path(task.compiled), task.compiled_kind, task.signature)
        self._task = task
        return Ready()

    def _answer(self, task: Begin, part: Part) -> Answered:
        """As serving would: by the twin where there is one."""
        past = read_past(part, task.signature, elsewhere=True)
        if not past.ids:
            return Answered(ids=[], values=[], probabilities=[])
        found = _asked(self._twin or self._original(task, past.rows), past.rows)
        chances = found.probabilities
        return Answered(
            ids=[*past.ids],
            values=[None if np.isnan(value) else value for value in found.values.tolist()],
            probabilities=[]
            if chances is None
            else [None if np.isnan(row[0]) else row for row in chances.tolist()],
        )

    def _audit(self, task: Begin, part: Part) -> Audited:
        past = read_past(part, task.signature, elsewhere=False)
        if not past.ids:
            return Audited(
                rows=0,
                elsewhere=past.elsewhere,
                by_original=0,
                by_twin=0,
                mismatches=0,
                worst=0.0,
                first=[],
            )
        original = _asked(self._original(task, past.rows), past.rows)
        twin = None if self._twin is None else _asked(self._twin, past.rows)
        return audit(past, original, twin, task.tolerance)

    def _original(self, task: Begin, rows: Rows) -> Runner:
        if self._onnx is not None:
            return self._onnx
        return SklearnRunner(self._model, task.signature, rows.part(0, _PROBE))


def _asked(runner: Runner, rows: Rows) -> Answers:
    """In calls of a bounded size; a row that is refused alone has no answer."""
    parts = [
        answers(runner, rows.part(start, start + _AT_ONCE))
        for start in range(0, len(rows), _AT_ONCE)
    ]
    chances = [part.probabilities for part in parts]
    width = next((found.shape[1] for found in chances if found is not None), 0)
    return Answers(
        np.concatenate([part.refused for part in parts]),
        np.concatenate([part.values for part in parts]),
        np.concatenate(
            [
                np.full((len(part.values), width), np.nan) if found is None else found
                for part, found in zip(parts, chances, strict=True)
            ]
        )
        if width
        else None,
    )


def main() -> None:
    """Answer line by line until the parent is gone."""
    memory = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("ignore")
    # What a library prints must not stand between answers.
    replies, sys.stdout = sys.stdout.buffer, sys.stderr
    child = Child()
    for line in sys.stdin.buffer:
        replies.write(LINE.encode(child.reply(ASKS.decode(line))) + b"\n")
        replies.flush()


if __name__ == "__main__":
    main()
