"""The child: reads a task from standard input, answers a verdict, then measures and compiles.

It loads the model only when all types in it are trusted. Whatever a file makes a library do here
ends with this process. The verdict is out before anything else begins, so that nothing can undo it.
"""

import math
import os
import resource
import signal
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from pydantic import BaseModel

from services.registry.adapters.inspection.archives import UnsafeArchiveError, require_safe
from services.registry.adapters.inspection.confinement import confine
from services.registry.adapters.inspection.formats import Kind, Told, tell
from services.registry.adapters.inspection.messages import Task, Verdict
from understudy.contracts.vocabulary import ArtifactFormat

if TYPE_CHECKING:
    from understudy.inference.rows import Rows

_MOST_TYPES = 1_000
"""Untrusted ones that are told; nobody would decide about more."""
_NICE = 10
"""Measuring and compiling can wait for those who answer predictions on the same machine."""


def main() -> None:
    """Limit this process, look into the files, say what was found; go on with what is fit."""
    task = Task.model_validate_json(sys.stdin.buffer.read())
    _limit(task)
    _confine(task)
    warnings.simplefilter("ignore")
    # What a model prints must not get into the answers.
    answer = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with os.fdopen(answer, "w", encoding="utf-8") as out:
        _answer(task, out)


def _answer(task: Task, out: TextIO) -> None:
    verdict = _artifact(task)
    if verdict.refused:
        _say(verdict, out)
        return
    # Large libraries, which are to be loaded only within the limits.
    from services.registry.adapters.inspection.fit import examine  # noqa: PLC0415
    from services.registry.adapters.inspection.samples import look_at_samples  # noqa: PLC0415

    looked = look_at_samples(task)
    verdict = verdict.model_copy(update=looked.problems)
    if looked.rows is None or set(verdict.untrusted) - set(task.trusted):
        _say(verdict, out)
        return
    examined = examine(task, looked.rows, verdict.format)
    found = {"unfit": examined.findings, "other_version": examined.other_version}
    _say(verdict.model_copy(update=found), out)
    if not examined.findings and examined.other_version is None:
        _go_on(task, examined.model, looked.rows, out)


def _go_on(task: Task, model: Any, rows: "Rows", out: TextIO) -> None:
    os.nice(_NICE)
    if task.measuring is not None:
        from services.registry.adapters.inspection.measuring import measurement  # noqa: PLC0415

        _allow(task.measuring.seconds)
        _say(measurement(task, task.measuring, model, rows), out)
    if task.compiling is not None:
        from services.registry.adapters.inspection.compiling import compilation  # noqa: PLC0415

        _allow(task.compiling.cpu_seconds)
        _say(compilation(task.compiling, model, task.signature, rows), out)


def _say(answer: BaseModel, out: TextIO) -> None:
    out.write(answer.model_dump_json() + "\n")
    out.flush()


def _limit(task: Task) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (task.memory_bytes, task.memory_bytes))
    later = 0 if task.compiling is None else task.compiling.cpu_seconds
    later += 0 if task.measuring is None else math.ceil(task.measuring.seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (task.cpu_seconds, task.cpu_seconds + later))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # For when nobody is left to end it: a parent that lives does so earlier.
    signal.alarm(task.cpu_seconds + later + 1)


def _confine(task: Task) -> None:
    """Where the kernel can: before the first byte of the files is read."""
    files = (task.artifact, task.reference, task.evaluation)
    confine(files, None if task.folder is None else Path(task.folder), task.trusted)


def _allow(seconds: float) -> None:
    """The processor's time for what comes next, counted from now."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    limit = math.ceil(used.ru_utime + used.ru_stime + seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (min(limit, most), most))


def _artifact(task: Task) -> Verdict:
    try:
        told = tell(Path(task.artifact))
        if told.kind is Kind.ONNX:
            return _onnx(Path(task.artifact))
        if told.kind is not Kind.SKOPS:
            return _foreign(told)
        require_safe(Path(task.artifact), task.memory_bytes)
    except UnsafeArchiveError as error:
        return Verdict(unsafe=str(error))
    from skops.io import get_untrusted_types  # noqa: PLC0415 - only within the limits

    try:
        return Verdict(untrusted=tuple(get_untrusted_types(file=task.artifact)[:_MOST_TYPES]))
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - hostile input: any failure to read it is a finding
        return Verdict(not_skops=f"skops can't read it: {type(error).__name__}: {error}"[:300])


def _onnx(path: Path) -> Verdict:
    from understudy.inference.onnx_model_look import (  # noqa: PLC0415 - only within the limits
        RefusedModelError,
        look,
    )

    try:
        look(path.read_bytes())
    except RefusedModelError as error:
        return Verdict(bad_onnx=str(error))
    return Verdict(format=ArtifactFormat.ONNX)


def _foreign(told: Told) -> Verdict:
    if told.kind is Kind.PICKLE:
        return Verdict(pickle=told.what)
    return Verdict(not_skops=f"it is {told.what}")


if __name__ == "__main__":
    main()
