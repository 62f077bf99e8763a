"""The parent's side: starts the child, waits within deadlines, judges, keeps what was made."""

import sys
import tempfile
import threading
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import structlog
from pydantic import ValidationError

from services.registry.adapters.artifact_files import ArtifactFiles
from services.registry.adapters.inspection.children import Children
from services.registry.adapters.inspection.confinement import can_confine
from services.registry.adapters.inspection.messages import Compiling, Measuring, Task, Verdict
from services.registry.adapters.inspection.process import ChildEndedError, ChildProcess
from services.registry.adapters.inspection.products import ChildLostError, Product, Products
from services.registry.adapters.inspection.turns import held
from services.registry.adapters.inspection.unpickling import Unpickler
from services.registry.adapters.inspection.verdicts import judge
from services.registry.domain.artifact_refusals import ArtifactIsPickleError, StoreFullError
from services.registry.domain.errors import InspectionFailedError
from services.registry.domain.versions import Compiled, NotCompiled, NotMeasured
from services.registry.ports import Inspected, Sample

CHILD: Final = (sys.executable, "-m", "services.registry.adapters.inspection.child")
_BASELINE: Final = "baseline"
_COMPILED: Final = "compiled"
"""Names of the files that the child writes."""
_MADE: Final = "made"
"""The folder that it writes them in; beside it may lie what a pickle became, which it may read."""
_WAITING_AT_MOST: Final = 8
"""Each one that waits holds a thread, of which other requests need some too."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one child may take. Seconds are both of time and of the processor's time."""

    seconds: float
    memory_bytes: int
    measure_seconds: float
    compile_seconds: float | None
    """None when nothing is to be compiled."""
    most_bytes: int
    """The largest file that can be stored."""


class ChildInspector:
    """Implements `ports.Inspector`."""

    def __init__(
        self,
        files: ArtifactFiles,
        limits: Limits,
        *,
        at_once: int,
        child: Sequence[str] = CHILD,
        children: Children | None = None,
    ) -> None:
        self._files = files
        self._limits = limits
        self._child = child
        self._children = children or Children()
        self._unpickler = Unpickler(
            self._children,
            seconds=limits.seconds,
            memory_bytes=limits.memory_bytes,
            most_bytes=limits.most_bytes,
        )
        self._places = threading.BoundedSemaphore(at_once + _WAITING_AT_MOST)
        self._turns = threading.BoundedSemaphore(at_once)
        later = limits.measure_seconds + (limits.compile_seconds or 0.0)
        if not can_confine():
            structlog.stdlib.get_logger().warning("inspection_unconfined", missing="Landlock")
        self._patience = 3 * limits.seconds + later  # a pickle is looked into, read, looked into

    def inspect(self, sample: Sample, trusted_types: Collection[str]) -> Inspected:
        """Raises a refusal that says what is wrong with which file."""
        with (
            held(self._places, 0.0),
            held(self._turns, self._patience),
            tempfile.TemporaryDirectory(prefix="understudy-") as folder,
            ExitStack() as stack,
        ):
            task = self._task(sample, trusted_types, Path(folder), stack)
            try:
                return self._looked(task, Path(folder))
            except ArtifactIsPickleError:
                if not sample.pickle:
                    raise
            return self._converted(task, Path(folder))

    def _looked(self, task: Task, folder: Path) -> Inspected:
        """What a child finds, and makes when it finds nothing wrong."""
        told = task.model_dump_json().encode()
        with self._children.started(self._child, told) as child:
            verdict = self._verdict(child)
            judge(verdict, task.trusted)
            made = self._inspected(Products(child, self._files), folder / _MADE)
            return replace(made, format=verdict.format)

    def _converted(self, task: Task, folder: Path) -> Inspected:
        """The same of the skops file that a pickle becomes; it is kept once nothing is wrong."""
        converted = self._unpickler.convert(Path(task.artifact), folder)
        found = self._looked(task.model_copy(update={"artifact": str(converted)}), folder)
        return replace(found, converted=self._kept(converted))

    def _kept(self, converted: Path) -> str:
        try:
            return self._files.keep(converted)
        except OSError as error:
            raise StoreFullError from error

    def _task(
        self, sample: Sample, trusted: Collection[str], folder: Path, stack: ExitStack
    ) -> Task:
        def local(digest: str) -> str:
            return str(stack.enter_context(self._files.local(digest)))

        made = folder / _MADE
        made.mkdir()
        return Task(
            folder=str(made),
            artifact=local(sample.artifact),
            reference=local(sample.reference),
            evaluation=None if sample.evaluation is None else local(sample.evaluation),
            signature=sample.signature,
            time_column=sample.time_column,
            trusted=tuple(trusted),
            cpu_seconds=int(self._limits.seconds) + 1,
            memory_bytes=self._limits.memory_bytes,
            measuring=self._measuring(made),
            compiling=self._compiling(made),
        )

    def _measuring(self, folder: Path) -> Measuring:
        limits = self._limits
        return Measuring(
            output=str(folder / _BASELINE),
            seconds=limits.measure_seconds,
            most_bytes=limits.most_bytes,
        )

    def _compiling(self, folder: Path) -> Compiling | None:
        limits = self._limits
        if limits.compile_seconds is None:
            return None
        return Compiling(
            output=str(folder / _COMPILED),
            cpu_seconds=int(limits.compile_seconds) + 1,
            most_bytes=limits.most_bytes,
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

    def _inspected(self, products: Products, folder: Path) -> Inspected:
        """Whatever happens here, the verdict stands and the version is registered."""
        measuring = Product("measuring", folder / _BASELINE, self._limits.measure_seconds)
        try:
            baseline = products.baseline(measuring)
        except ChildLostError as lost:
            untried = f"not tried: {lost} before"
            return Inspected(NotMeasured(str(lost)), NotCompiled(untried))
        return Inspected(baseline, self._compiled(products, folder))

    def _compiled(self, products: Products, folder: Path) -> Compiled | NotCompiled:
        seconds = self._limits.compile_seconds
        if seconds is None:
            return NotCompiled("compiling is switched off (UNDERSTUDY_REGISTRY_COMPILE)")
        try:
            return products.compiled(Product("compiling", folder / _COMPILED, seconds))
        except ChildLostError as lost:
            return NotCompiled(str(lost))
