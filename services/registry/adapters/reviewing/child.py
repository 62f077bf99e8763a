"""The child: reads a task from standard input, makes the review, writes it, says how it ended."""

import os
import resource
import signal
import sys
import time
import warnings
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final, TextIO

from services.registry.adapters.inspection.confinement import confine
from services.registry.adapters.reviewing.messages import ReviewTask, Said

_NICE: Final = 10
"""A review can wait for those who answer predictions on the same machine."""
_LIBRARIES: Final = ("numpy", "pandas", "scikit-learn", "skops", "onnxruntime", "fairlearn", "shap")
_TO_WRITE_SECONDS: Final = 1.0


def main() -> None:
    """Limit this process, make the review, say how that ended."""
    began = time.monotonic()
    task = ReviewTask.model_validate_json(sys.stdin.buffer.read())
    _limit(task)
    _confine(task)
    warnings.simplefilter("ignore")
    # What a model prints must not get into the lines.
    answer = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with os.fdopen(answer, "w", encoding="utf-8") as out:
        try:
            _review(task, began, out)
        except MemoryError:
            _say(Said(failure="it takes more memory than it may"), out)
        except Exception as error:  # noqa: BLE001 - foreign models and files: any failure is a reason
            _say(Said(failure=f"{type(error).__name__}: {error}"[:1_000]), out)


def _review(task: ReviewTask, began: float, out: TextIO) -> None:
    # Large libraries, which are to be loaded only within the limits.
    from pydantic import TypeAdapter  # noqa: PLC0415

    from services.registry.adapters.reviewing.parts import (  # noqa: PLC0415
        PARTS,
        Made,
        assembled,
        make,
    )
    from services.registry.adapters.reviewing.subject import read_subject  # noqa: PLC0415
    from understudy.contracts.reviews import Review  # noqa: PLC0415

    _say(Said(step="reading its samples"), out)
    subject, made = read_subject(task), Made()
    ends = began + task.seconds - _TO_WRITE_SECONDS
    for place, name in enumerate(make(subject, made, lambda: ends - time.monotonic())):
        _say(Said(step=f"reviewing it: {name}", progress=place / len(PARTS)), out)
    seconds = time.monotonic() - began
    review = assembled(subject, made, seconds=seconds, libraries=_libraries())
    Path(task.output).write_bytes(TypeAdapter(Review).dump_json(review))
    _say(Said(ended=True, progress=1.0), out)


def _libraries() -> dict[str, str]:
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _say(said: Said, out: TextIO) -> None:
    out.write(said.model_dump_json() + "\n")
    out.flush()


def _confine(task: ReviewTask) -> None:
    """Where the kernel can: before a model is loaded."""
    models = (task.subject, task.compiled, task.main)
    samples = (task.reference, task.evaluation)
    files = [task.baseline, *(file.path for file in (*models, *samples) if file is not None)]
    confine(files, Path(task.output).parent, task.trusted)


def _limit(task: ReviewTask) -> None:
    os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_AS, (task.memory_bytes, task.memory_bytes))
    seconds = int(2 * task.seconds) + 2  # of the processor: libraries may use two cores
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # For when nobody is left to end it: a parent that lives does so earlier.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(int(task.seconds) + 10)


if __name__ == "__main__":
    main()
