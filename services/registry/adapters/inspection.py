"""Inspection of files that nobody trusts yet: by a child process that has limits and no secrets.

The child itself is `inspection_child`.
"""

import subprocess
import sys
import threading
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final, NamedTuple

from pydantic import BaseModel, ValidationError

from services.registry.adapters.artifact_files import ArtifactFiles
from services.registry.domain.errors import (
    ArtifactDoesNotFitError,
    ArtifactNotSkopsError,
    ArtifactTypesNotTrustedError,
    InspectionBusyError,
    InspectionFailedError,
    ReferenceInvalidError,
)
from services.registry.ports import Sample
from understudy.contracts.refusals import FieldError
from understudy.contracts.signature import Signature
from understudy.runtime.children import child_environment

_WAITING_AT_MOST: Final = 8
"""Each one that waits holds a thread, of which other requests need some too."""


class Task(BaseModel):
    """What the child is given."""

    artifact: str
    reference: str
    signature: Signature
    trusted: tuple[str, ...]
    """Types that may be loaded beyond what skops trusts by itself."""
    cpu_seconds: int
    memory_bytes: int


class Finding(NamedTuple):
    """What does not fit, and which member of the request it concerns."""

    pointer: str
    message: str


class Verdict(BaseModel):
    """What the child found."""

    not_skops: str | None = None
    untrusted: tuple[str, ...] = ()
    reference: tuple[str, ...] = ()
    unfit: tuple[Finding, ...] = ()


class ChildInspector:
    """Implements `ports.Inspector`."""

    def __init__(
        self, files: ArtifactFiles, *, seconds: float, memory_bytes: int, at_once: int
    ) -> None:
        self._files = files
        self._seconds = seconds
        self._memory_bytes = memory_bytes
        self._places = threading.BoundedSemaphore(at_once + _WAITING_AT_MOST)
        self._turns = threading.BoundedSemaphore(at_once)

    def inspect(self, sample: Sample, trusted_types: Collection[str]) -> None:
        """Raises a refusal that says what is wrong with which file."""
        with _held(self._places, 0.0), _held(self._turns, self._seconds):
            verdict = self._verdict(sample, trusted_types)
        _judge(verdict, trusted_types)

    def _verdict(self, sample: Sample, trusted_types: Collection[str]) -> Verdict:
        with ExitStack() as stack:
            artifact = stack.enter_context(self._files.local(sample.artifact))
            reference = stack.enter_context(self._files.local(sample.reference))
            task = Task(
                artifact=str(artifact),
                reference=str(reference),
                signature=sample.signature,
                trusted=tuple(trusted_types),
                cpu_seconds=int(self._seconds) + 1,
                memory_bytes=self._memory_bytes,
            )
            return self._ask(task)

    def _ask(self, task: Task) -> Verdict:
        command = [sys.executable, "-m", "services.registry.adapters.inspection_child"]
        try:
            answered = subprocess.run(  # noqa: S603 - our own module, in our own interpreter
                command,
                input=task.model_dump_json().encode(),
                capture_output=True,
                env=child_environment(),
                timeout=self._seconds,
                check=True,
            )
            return Verdict.model_validate_json(answered.stdout)
        except subprocess.TimeoutExpired as error:
            detail = f"Looking into the files took longer than {self._seconds:g} s."
            raise InspectionFailedError(detail) from error
        except (subprocess.CalledProcessError, ValidationError) as error:
            raise InspectionFailedError(
                "Looking into the files broke down: they are damaged, or unpack to more than the "
                f"{self._memory_bytes} bytes that the inspection may take."
            ) from error


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


def _judge(verdict: Verdict, trusted_types: Collection[str]) -> None:
    if verdict.not_skops is not None:
        detail = (
            f"The artifact is no file that skops wrote ({verdict.not_skops}). Save the model with "
            "skops.io.dump; pickle and joblib files are never taken, for loading them runs code."
        )
        raise ArtifactNotSkopsError(detail, FieldError("/artifact", detail))
    untrusted = sorted(set(verdict.untrusted) - set(trusted_types))
    if untrusted:
        detail = (
            f"The artifact holds types that are not trusted: {', '.join(untrusted)}. If you know "
            "that they are harmless and serving has them installed, add them to the registry's "
            "setting UNDERSTUDY_TRUSTED_TYPES (separated by commas) and restart it."
        )
        raise ArtifactTypesNotTrustedError(
            detail, *(FieldError("/artifact", f"not trusted: {name}") for name in untrusted)
        )
    if verdict.reference:
        raise ReferenceInvalidError(
            f"The reference sample does not fit: {'; '.join(verdict.reference)}.",
            *(FieldError("/reference", problem) for problem in verdict.reference),
        )
    if verdict.unfit:
        raise ArtifactDoesNotFitError(
            f"The model does not fit: {'; '.join(found.message for found in verdict.unfit)}.",
            *(FieldError(found.pointer, found.message) for found in verdict.unfit),
        )
