"""Subjects of reviews from frames and estimators, as the child reads them from files."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import skops.io
from skops.io import get_untrusted_types

from services.registry.adapters.reviewing.messages import ModelFile, ReviewTask, SampleFile
from services.registry.adapters.reviewing.parts import Made, assembled, make
from services.registry.adapters.reviewing.subject import Subject, read_subject
from understudy.contracts.reviews import Review
from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import ArtifactFormat

MADE_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def subject_of(
    folder: Path,
    model: Any,
    signature: Signature,
    reference: pd.DataFrame,
    evaluation: pd.DataFrame | None = None,
    *,
    main: Any | None = None,
    time_column: str | None = None,
    protected: Sequence[str] = (),
    seconds: float = 60.0,
    shap: bool = False,
) -> Subject:
    """A fitted model, or the bytes of an ONNX one, with its samples, read back from files."""
    files, trusted = _Files(folder), set[str]()
    for held in (model, main):
        if held is not None and not isinstance(held, bytes):
            trusted |= {*get_untrusted_types(file=files.model(held).path)}
    task = ReviewTask(
        name="credit",
        subject=files.model(model),
        artifact="a" * 64,
        reference=files.sample("reference", reference),
        evaluation=None if evaluation is None else files.sample("evaluation", evaluation),
        main=None if main is None else files.model(main),
        signature=signature,
        time_column=time_column,
        protected=tuple(protected),
        trusted=tuple(sorted(trusted)),
        made_at=MADE_AT,
        seed=7,
        seconds=seconds,
        memory_bytes=1 << 40,
        shap=shap,
        output=str(folder / "review.json"),
    )
    return read_subject(task)


def review_of(subject: Subject) -> Review:
    """The whole review, made in this process."""
    made = Made()
    for _ in make(subject, made, lambda: subject.task.seconds):
        pass
    return assembled(subject, made, seconds=0.0, libraries={})


class _Files:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._models = 0

    def model(self, model: Any) -> ModelFile:
        self._models += 1
        if isinstance(model, bytes):
            path = self._folder / f"model-{self._models}.onnx"
            path.write_bytes(model)
            return ModelFile(path=str(path), format=ArtifactFormat.ONNX, number=self._models)
        path = self._folder / f"model-{self._models}.skops"
        skops.io.dump(model, path)
        return ModelFile(path=str(path), format=ArtifactFormat.SKOPS, number=self._models)

    def sample(self, name: str, frame: pd.DataFrame) -> SampleFile:
        path = self._folder / f"{name}.parquet"
        frame.to_parquet(path, index=False)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return SampleFile(path=str(path), digest=digest)
