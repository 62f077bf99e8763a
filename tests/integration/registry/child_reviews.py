"""Reviews by the real child process, over files in a folder."""

import hashlib
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pandas as pd
import skops.io
from skops.io import get_untrusted_types

from services.registry.adapters.artifact_files import ArtifactFiles
from services.registry.adapters.reviewing.reviewer import ChildReviewer, ReviewLimits
from services.registry.domain.versions import Version, VersionDraft
from services.registry.ports.reviews import Subject
from understudy.contracts.reviews import Review
from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import FindingCode, Severity

MADE_AT: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
ENOUGH: Final = ReviewLimits(seconds=120.0, memory_bytes=4 << 30, shap=False)


def kept(files: ArtifactFiles, content: bytes) -> str:
    """Its digest, by which it is found in the store."""
    digest = hashlib.sha256(content).hexdigest()
    files.take(digest, [content])
    return digest


def parquet(frame: pd.DataFrame) -> bytes:
    """The file's bytes."""
    out = io.BytesIO()
    frame.to_parquet(out, index=False)
    return out.getvalue()


def reviewer_of(
    folder: Path,
    model: Any,
    signature: Signature,
    reference: pd.DataFrame,
    evaluation: pd.DataFrame | None = None,
    *,
    main: Any | None = None,
    time_column: str | None = None,
    protected: Sequence[str] = (),
    limits: ReviewLimits = ENOUGH,
) -> tuple[ChildReviewer, Subject]:
    """Who makes reviews, and a version of the files with whom it is held against."""
    files = ArtifactFiles(f"file://{folder}/artifacts")
    trusted = set[str]()

    def version(number: int, fitted: Any) -> Version:
        content = skops.io.dumps(fitted)
        trusted.update(get_untrusted_types(data=content))
        draft = VersionDraft(
            model="credit",
            artifact=kept(files, content),
            reference=kept(files, parquet(reference)),
            signature=signature,
            created_at=MADE_AT,
            created_by="user:ann",
            evaluation=None if evaluation is None else kept(files, parquet(evaluation)),
            time_column=time_column,
            protected=tuple(protected),
        )
        return Version(number, draft)

    subject, beaten = version(2, model), None if main is None else version(1, main)
    reviewer = ChildReviewer(files, limits, lambda: MADE_AT, at_once=1)
    return reviewer, Subject(subject, beaten, tuple(sorted(trusted)))


def review_of(*told: Any, **options: Any) -> Review:
    """The review of what `reviewer_of` is told of. Raises ReviewFailedError."""
    reviewer, subject = reviewer_of(*told, **options)
    return reviewer.review(subject, lambda _step, _progress: None).review


def loud(review: Review) -> list[str]:
    """Warnings and blocks, in words."""
    return [
        f"{one.severity} {one.code} {one.subjects}: {one.detail}"
        for one in review.findings
        if one.severity is not Severity.LOOK
    ]


def found(review: Review) -> set[FindingCode]:
    """The codes of all findings."""
    return {one.code for one in review.findings}


def missing(review: Review) -> dict[str, str]:
    """Why parts were left out."""
    return {one.part: one.reason for one in review.left_out}
