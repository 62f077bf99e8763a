"""An inspection's child that finds nothing wrong, and then misbehaves as its arguments say."""

import hashlib
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from services.registry.adapters.artifact_files import ArtifactFiles
from services.registry.adapters.inspection.messages import (
    BaselineFigures,
    Compilation,
    Figures,
    Measurement,
    Task,
    Verdict,
)
from understudy.contracts.vocabulary import BaselineSample, CompiledKind

FIGURES: Final = Figures(
    kind=CompiledKind.ONNX, precision="float64", rows=7, difference=0, tolerance=1e-6, speedup=24
)
CONTENT: Final = b"a graph"
BASELINE_FIGURES: Final = BaselineFigures(
    sample=BaselineSample.REFERENCE, rows=3, importances={"age": 0.25}
)
ANSWERS: Final = b"answers"


def sent_to(files: ArtifactFiles) -> tuple[str, str]:
    """Digests of an artifact and a sample that this child would find nothing wrong with."""
    sent = {hashlib.sha256(content).hexdigest(): content for content in (b"model", b"sample")}
    for digest, content in sent.items():
        files.take(digest, [content])
    artifact, sample = sent
    return artifact, sample


def compile_it(task: Task) -> None:
    assert task.compiling is not None
    Path(task.compiling.output).write_bytes(CONTENT)
    say(Compilation(figures=FIGURES))


def give_up(task: Task) -> None:
    del task
    say(Compilation(reason="no converter for Oracle"))


def lose_the_file(task: Task) -> None:
    del task
    say(Compilation(figures=FIGURES))


def talk_nonsense(task: Task) -> None:
    del task
    write("compiling … done")


def hang(task: Task) -> None:
    del task
    time.sleep(600)


def abort(task: Task) -> None:
    del task
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.abort()


def burn(task: Task) -> None:
    del task
    os.kill(os.getpid(), signal.SIGXCPU)  # as the kernel does when the limit is reached


def leave(task: Task) -> None:
    del task
    raise SystemExit(3)


CONDUCTS: Final[Mapping[str, Callable[[Task], None]]] = {
    conduct.__name__: conduct
    for conduct in (
        *(compile_it, give_up, lose_the_file, talk_nonsense),
        *(hang, abort, burn, leave),
    )
}


def measure_it(task: Task) -> None:
    assert task.measuring is not None
    Path(task.measuring.output).write_bytes(ANSWERS)
    say(Measurement(figures=BASELINE_FIGURES))


def measure_nothing(task: Task) -> None:
    del task
    say(Measurement(reason="no row is legal"))


def measure_and_lose_the_file(task: Task) -> None:
    del task
    say(Measurement(figures=BASELINE_FIGURES))


MEASURES: Final[Mapping[str, Callable[[Task], None]]] = {
    conduct.__name__: conduct
    for conduct in (
        *(measure_it, measure_nothing, measure_and_lose_the_file),
        *(talk_nonsense, hang, abort, burn, leave),
    )
}


def say(answer: Verdict | Measurement | Compilation) -> None:
    write(answer.model_dump_json())


def write(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(conduct: str, measure: str) -> None:
    task = Task.model_validate_json(sys.stdin.buffer.read())
    if conduct == "hang_at_once":
        hang(task)
    say(Verdict())
    MEASURES[measure](task)
    CONDUCTS[conduct](task)


if __name__ == "__main__":
    main(*sys.argv[1:])
