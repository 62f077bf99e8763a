"""The parent's side: starts the child, waits within deadlines, judges, keeps what was compiled."""

import signal
import sys
import tempfile
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
from pydantic import ValidationError

from services.registry.adapters.artifact_files import ArtifactFiles
from services.registry.adapters.inspection.messages import Compilation, Compiling, Task, Verdict
from services.registry.adapters.inspection.process import ChildEndedError, ChildProcess
from services.registry.adapters.inspection.verdicts import judge
from services.registry.domain.errors import InspectionBusyError, InspectionFailedError
from services.registry.domain.versions import Compiled, NotCompiled
from services.registry.ports import Sample

CHILD: Final = (sys.executable, "-m", "services.registry.adapters.inspection.child")
_WAITING_AT_MOST: Final = 8
"""Each one that waits holds a thread, of which other requests need some too."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one child may take. Seconds are both of time and of the processor's time."""

    seconds: float
    memory_bytes: int
    compile_seconds: float | None
    """None when nothing is to be compiled."""
    most_bytes: int
    """The largest file that can be stored."""


class ChildInspector:
    """Implements `ports.Inspector`."""

    def __init__(
        self, files: ArtifactFiles, limits: Limits, *, at_once: int, child: Sequence[str] = CHILD
    ) -> None:
        self._files = files
        self._limits = limits
        self._child = child
        self._places = threading.BoundedSemaphore(at_once + _WAITING_AT_MOST)
        self._turns = threading.BoundedSemaphore(at_once)
        self._patience = limits.seconds + (limits.compile_seconds or 0.0)

    def inspect(self, sample: Sample, trusted_types: Collection[str]) -> Compiled | NotCompiled:
        """Raises a refusal that says what is wrong with which file."""
        with (
            _held(self._places, 0.0),
            _held(self._turns, self._patience),
            tempfile.TemporaryDirectory(prefix="understudy-") as folder,
            ExitStack() as stack,
        ):
            output = Path(folder) / "compiled"
            task = self._task(sample, trusted_types, output, stack)
            told = task.model_dump_json().encode()
            child = stack.enter_context(ChildProcess(self._child, told))
            judge(self._verdict(child), trusted_types)
            return self._compiled(child, output)

    def _task(
        self, sample: Sample, trusted: Collection[str], output: Path, stack: ExitStack
    ) -> Task:
        limits, compiling = self._limits, None
        if limits.compile_seconds is not None:
            compiling = Compiling(
                output=str(output),
                cpu_seconds=int(limits.compile_seconds) + 1,
                most_bytes=limits.most_bytes,
            )
        return Task(
            artifact=str(stack.enter_context(self._files.local(sample.artifact))),
            reference=str(stack.enter_context(self._files.local(sample.reference))),
            signature=sample.signature,
            trusted=tuple(trusted),
            cpu_seconds=int(limits.seconds) + 1,
            memory_bytes=limits.memory_bytes,
            compiling=compiling,
        )

    def _verdict(self, child: ChildProcess) -> Verdict:
        try:
            return Verdict.model_validate_json(child.line(self._limits.seconds))
        except TimeoutError as error:
            detail = f"Looking into the files took longer than {self._limits.seconds:g} s."
            raise InspectionFailedError(detail) from error
        except (ChildEndedError, ValidationError) as error:
            raise InspectionFailedError(
                "Looking into the files broke down: they are damaged, or unpack to more than the "
                f"{self._limits.memory_bytes} bytes that the inspection may take."
            ) from error

    def _compiled(self, child: ChildProcess, output: Path) -> Compiled | NotCompiled:
        """Whatever happens here, the verdict stands and the version is registered."""
        seconds = self._limits.compile_seconds
        if seconds is None:
            return NotCompiled("compiling is switched off (UNDERSTUDY_REGISTRY_COMPILE)")
        try:
            said = Compilation.model_validate_json(child.line(seconds))
            if said.figures is None:
                return NotCompiled(said.reason)
            digest = self._files.keep(output)
        except TimeoutError:
            return NotCompiled(f"compiling took longer than {seconds:g} s")
        except ChildEndedError as ended:
            return NotCompiled(_ending(ended.status, seconds))
        except (ValidationError, OSError) as error:
            structlog.stdlib.get_logger().warning("compiled_lost", error=type(error).__name__)
            return NotCompiled("what was compiled could not be read or stored")
        return Compiled(artifact=digest, **dict(said.figures))


def _ending(status: int, seconds: float) -> str:
    if status == -signal.SIGXCPU:
        return f"compiling took more than {seconds:g} s of the processor's time"
    how = f"signal {signal.Signals(-status).name}" if status < 0 else f"status {status}"
    return f"compiling broke down ({how})"


@contextmanager
def _held(places: threading.BoundedSemaphore, seconds: float) -> Iterator[None]:
    if not places.acquire(timeout=seconds):
        raise InspectionBusyError(
            "Too many versions are being registered at once; try again.", retry_after=5.0
        )
    try:
        yield
    finally:
        places.release()
