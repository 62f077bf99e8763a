"""Infers signatures in a child of their own: who wrote the files is nobody's friend yet."""

import sys
import threading
from collections.abc import Sequence
from typing import Final

from pydantic import ValidationError

from services.registry.adapters.artifact_files import ArtifactFiles
from services.registry.adapters.inspection.children import Children
from services.registry.adapters.inspection.inferring_child import InferenceTask, Inferred
from services.registry.adapters.inspection.process import ChildEndedError, ChildProcess
from services.registry.adapters.inspection.turns import held
from services.registry.domain.errors import InspectionFailedError
from services.registry.domain.mlflow_refusals import SignatureUnreadableError
from services.registry.ports.staging import Hints
from understudy.contracts.signature import Signature

CHILD: Final = (sys.executable, "-m", "services.registry.adapters.inspection.inferring_child")


class ChildSignatureReader:
    """Implements `ports.staging.SignatureReader`."""

    def __init__(
        self,
        files: ArtifactFiles,
        *,
        seconds: float,
        memory_bytes: int,
        at_once: int,
        child: Sequence[str] = CHILD,
        children: Children | None = None,
    ) -> None:
        self._files = files
        self._seconds = seconds
        self._memory_bytes = memory_bytes
        self._child = child
        self._children = children or Children()
        self._turns = threading.BoundedSemaphore(at_once)

    def infer(self, mlmodel: bytes, reference: str, hints: Hints) -> Signature:
        """Raises SignatureUnreadableError, InspectionFailedError or InspectionBusyError."""
        with held(self._turns, self._seconds), self._files.local(reference) as path:
            task = InferenceTask(
                mlmodel=mlmodel.decode(errors="replace"),
                reference=str(path),
                target=hints.target,
                time_column=hints.time_column,
                legal_ranges=hints.legal_ranges,
                cpu_seconds=int(self._seconds) + 1,
                memory_bytes=self._memory_bytes,
            )
            told = task.model_dump_json().encode()
            with self._children.started(self._child, told) as child:
                found = self._found(child)
        if found.signature is None:
            raise SignatureUnreadableError(
                f"No signature can be inferred: {found.problem or 'nothing was found'}."
            )
        return found.signature

    def _found(self, child: ChildProcess) -> Inferred:
        try:
            return Inferred.model_validate_json(child.line(self._seconds))
        except TimeoutError as error:
            detail = f"Inferring a signature took longer than {self._seconds:g} s."
            raise InspectionFailedError(detail) from error
        except (ChildEndedError, ValidationError) as error:
            raise InspectionFailedError(
                "Inferring a signature broke down: the files are damaged, or unpack to more than "
                f"the {self._memory_bytes} bytes that this may take."
            ) from error
