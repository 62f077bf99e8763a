"""Whatever becomes of compiling, a version whose files are fit is registered, with the reason."""

import hashlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.registry.adapters.artifact_files import ArtifactFiles
from services.registry.adapters.inspection.compiling import Compiler, compilation
from services.registry.adapters.inspection.inspector import ChildInspector, Limits
from services.registry.adapters.inspection.messages import Compiling
from services.registry.domain.errors import InspectionFailedError
from services.registry.domain.versions import Compiled, NotCompiled
from services.registry.ports import Sample
from tests.fakes.registry import SIGNATURE
from tests.fakes.registry_child import CONTENT, FIGURES, sent_to
from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import CompiledKind
from understudy.inference.compiling import CompiledModel
from understudy.inference.compiling import NotCompiled as NotConverted
from understudy.inference.rows import Rows

ROWS = Rows(np.array([[20.0]]), ())
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def folder_of(path: Path) -> ArtifactFiles:
    files = ArtifactFiles(path.as_uri(), limit_bytes=1 << 20, idle_seconds=1)
    files.verify()
    return files


def inspect(
    path: Path, conduct: str, *, seconds: float = 60, compile_seconds: float | None = 60
) -> Compiled | NotCompiled:
    limits = Limits(
        seconds,
        memory_bytes=1 << 32,
        measure_seconds=60,
        compile_seconds=compile_seconds,
        most_bytes=1 << 20,
    )
    child = (sys.executable, "-m", "tests.fakes.registry_child", conduct, "measure_nothing")
    files = folder_of(path)
    inspector = ChildInspector(files, limits, at_once=1, child=child)
    return inspector.inspect(Sample(*sent_to(files), SIGNATURE), ()).compiled


def test_what_was_compiled_is_stored_by_its_digest(tmp_path: Path) -> None:
    assert inspect(tmp_path, "compile_it") == Compiled(artifact=DIGEST, **dict(FIGURES))
    assert b"".join(folder_of(tmp_path).read(DIGEST)) == CONTENT
    kept = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert kept == {DIGEST, *sent_to(folder_of(tmp_path))}


@pytest.mark.parametrize(
    ("conduct", "reason"),
    [
        ("give_up", "no converter for Oracle"),
        ("lose_the_file", "what was compiled could not be stored"),
        ("talk_nonsense", "what was compiled could not be read"),
        ("abort", "compiling broke down (signal SIGABRT)"),
        ("burn", "compiling took more than 60 s of the processor's time"),
        ("leave", "compiling broke down (status 3)"),
    ],
)
def test_a_compilation_that_fails_is_a_reason(tmp_path: Path, conduct: str, reason: str) -> None:
    assert inspect(tmp_path, conduct) == NotCompiled(reason)


def test_a_compilation_that_hangs_is_ended(tmp_path: Path) -> None:
    assert inspect(tmp_path, "hang", compile_seconds=0.2) == NotCompiled(
        "compiling took longer than 0.2 s"
    )


def test_a_verdict_that_does_not_come_is_none(tmp_path: Path) -> None:
    with pytest.raises(InspectionFailedError, match=r"longer than 0\.2 s"):
        inspect(tmp_path, "hang_at_once", seconds=0.2)


def test_compiling_can_be_switched_off(tmp_path: Path) -> None:
    found = inspect(tmp_path, "compile_it", compile_seconds=None)
    assert found == NotCompiled("compiling is switched off (UNDERSTUDY_REGISTRY_COMPILE)")


def converted(content: bytes = CONTENT) -> CompiledModel:
    return CompiledModel(
        kind=CompiledKind.ONNX,
        precision="float64",
        content=content,
        rows=7,
        difference=0.0,
        tolerance=1e-6,
        speedup=24.0,
    )


def raising(error: BaseException) -> Compiler:
    def compiler(model: Any, signature: Signature, sample: Rows) -> CompiledModel:
        del model, signature, sample
        raise error

    return compiler


def answering(answer: CompiledModel | NotConverted) -> Compiler:
    return lambda _model, _signature, _sample: answer


def task(path: Path) -> Compiling:
    return Compiling(output=str(path / "out"), cpu_seconds=60, most_bytes=100)


def test_the_child_writes_what_was_compiled(tmp_path: Path) -> None:
    said = compilation(task(tmp_path), None, SIGNATURE, ROWS, answering(converted()))
    assert said.figures == FIGURES
    assert (tmp_path / "out").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("compiler", "reason"),
    [
        (answering(NotConverted("answers differ by 0.2")), "answers differ by 0.2"),
        (raising(RuntimeError("no shape")), "compiling failed (RuntimeError: no shape)"),
        (raising(MemoryError()), "compiling takes more memory than it may"),
        (answering(converted(b"x" * 101)), "what was compiled is larger than an artifact may be"),
    ],
)
def test_the_child_says_why_there_is_nothing(
    tmp_path: Path, compiler: Compiler, reason: str
) -> None:
    said = compilation(task(tmp_path), None, SIGNATURE, ROWS, compiler)
    assert (said.figures, said.reason) == (None, reason)
    assert not (tmp_path / "out").exists()
