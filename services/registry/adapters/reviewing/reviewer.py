"""The parent's side: hands over files, hears how far the child is, keeps what it wrote."""

import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog
from pydantic import TypeAdapter, ValidationError

from services.registry.adapters.artifact_files import ArtifactFiles
from services.registry.adapters.inspection.children import Children
from services.registry.adapters.inspection.process import ChildEndedError, ChildProcess
from services.registry.adapters.inspection.turns import held
from services.registry.adapters.reviewing.messages import (
    CompiledFile,
    ModelFile,
    ReviewTask,
    Said,
    SampleFile,
)
from services.registry.domain.jobs import Step
from services.registry.domain.reviews import ReviewFailedError
from services.registry.domain.versions import Baseline, Compiled, Version
from services.registry.ports.reviews import Reviewed, Subject
from understudy.contracts.refusals import Refusal
from understudy.contracts.reviews import Review

CHILD: Final = (sys.executable, "-m", "services.registry.adapters.reviewing.child")
SEED: Final = 20_261_121
_GRACE_SECONDS: Final = 10.0
"""The child keeps to its time by itself; beyond this it hangs where nothing can interrupt it."""
_REVIEW: Final = TypeAdapter(Review)


@dataclass(frozen=True, slots=True)
class ReviewLimits:
    """What one child may take."""

    seconds: float
    memory_bytes: int
    shap: bool


class ChildReviewer:
    """Implements `ports.reviews.Reviewer`."""

    def __init__(
        self,
        files: ArtifactFiles,
        limits: ReviewLimits,
        clock: Callable[[], datetime],
        *,
        at_once: int,
        child: Sequence[str] = CHILD,
        children: Children | None = None,
    ) -> None:
        self._files = files
        self._limits = limits
        self._clock = clock
        self._child = child
        self._children = children or Children()
        self._turns = threading.BoundedSemaphore(at_once)

    def review(self, subject: Subject, step: Step) -> Reviewed:
        """Raises ReviewFailedError, or InspectionBusyError."""
        patience = 2 * (self._limits.seconds + _GRACE_SECONDS)
        with (
            held(self._turns, patience),
            tempfile.TemporaryDirectory(prefix="understudy-") as folder,
            ExitStack() as stack,
        ):
            output = Path(folder) / "review.json"
            told = self._task(subject, output, stack).model_dump_json().encode()
            child = stack.enter_context(self._children.started(self._child, told))
            self._hear(child, step)
            return self._kept(output)

    def _task(self, subject: Subject, output: Path, stack: ExitStack) -> ReviewTask:
        def local(digest: str) -> str:
            return str(stack.enter_context(self._files.local(digest)))

        def model(version: Version) -> ModelFile:
            draft = version.draft
            return ModelFile(path=local(draft.artifact), format=draft.format, number=version.number)

        def sample(digest: str) -> SampleFile:
            return SampleFile(path=local(digest), digest=digest)

        draft, main = subject.version.draft, subject.main
        against, missing = None, None
        if main is not None:
            try:
                against = model(main)
            except Refusal as refusal:  # a main that is damaged does not keep others from a review
                missing = f"the main, version {main.number}, can't be read: {refusal.detail}"
        compiled, baseline = draft.compiled, draft.baseline
        return ReviewTask(
            name=draft.model,
            subject=model(subject.version),
            artifact=draft.artifact,
            compiled=CompiledFile(path=local(compiled.artifact), kind=compiled.kind)
            if isinstance(compiled, Compiled)
            else None,
            baseline=local(baseline.file) if isinstance(baseline, Baseline) else None,
            reference=sample(draft.reference),
            evaluation=None if draft.evaluation is None else sample(draft.evaluation),
            main=against,
            main_missing=missing,
            main_signature=None if main is None else main.draft.signature,
            signature=draft.signature,
            time_column=draft.time_column,
            protected=draft.protected,
            trusted=subject.trusted_types,
            made_at=self._clock(),
            seed=SEED,
            seconds=self._limits.seconds,
            memory_bytes=self._limits.memory_bytes,
            shap=self._limits.shap,
            output=str(output),
        )

    def _hear(self, child: ChildProcess, step: Step) -> None:
        ends = time.monotonic() + self._limits.seconds + _GRACE_SECONDS
        try:
            while not (said := self._said(child, ends)).ended:
                if said.failure is not None:
                    raise ReviewFailedError(f"The review could not be made: {said.failure}.")
                step(said.step, said.progress)
        except TimeoutError as error:
            detail = f"The review took longer than {self._limits.seconds:g} s."
            raise ReviewFailedError(detail) from error
        except (ChildEndedError, ValidationError) as error:
            raise ReviewFailedError(
                "The review broke down: the model or the samples take more than "
                f"{self._limits.memory_bytes} bytes of memory, or more time of the processor, than "
                f"a review of {self._limits.seconds:g} s may take, or they end its process."
            ) from error

    def _said(self, child: ChildProcess, ends: float) -> Said:
        return Said.model_validate_json(child.line(max(ends - time.monotonic(), 0.0)))

    def _kept(self, output: Path) -> Reviewed:
        try:
            review = _REVIEW.validate_json(output.read_bytes())
            return Reviewed(self._files.keep(output), review)
        except (OSError, ValidationError) as error:
            log = structlog.stdlib.get_logger()
            log.warning("review_lost", error=type(error).__name__)
            raise ReviewFailedError("The review could not be read or stored.") from error
