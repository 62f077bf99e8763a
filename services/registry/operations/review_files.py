"""Reviews as they were written, out of their files."""

import hashlib
from typing import Final

import structlog
from pydantic import TypeAdapter, ValidationError

from services.registry.domain.artifact_refusals import ArtifactDamagedError
from services.registry.domain.reviews import Attempt, NoReviewError
from services.registry.ports import ArtifactStore
from services.registry.ports.reviews import Reviewed
from understudy.contracts.reviews import Review

REVIEW: Final = TypeAdapter(Review)


class ReviewFiles:
    """Reads them whole; nobody decides by what somebody else has put in their place."""

    def __init__(self, artifacts: ArtifactStore) -> None:
        self._artifacts = artifacts

    def of(self, attempt: Attempt) -> Reviewed:
        """Of an attempt that was made. Raises NoReviewError or ArtifactDamagedError."""
        assert attempt.made is not None  # noqa: S101 - it was asked for those
        title = f"{attempt.model}/{attempt.version}"
        content = self._bytes(attempt.made.file, title)
        try:
            return Reviewed(attempt.made.file, REVIEW.validate_json(content))
        except ValidationError as error:
            raise NoReviewError(
                f"The review of {title} was written by another release of Understudy and can't be "
                "read by this one; have it made again."
            ) from error

    def _bytes(self, digest: str, title: str) -> bytes:
        if self._artifacts.size(digest) is None:
            raise NoReviewError(
                f"The file of the review of {title} is gone ({digest}): restore it from a backup, "
                "or have the review made again."
            )
        content = b"".join(self._artifacts.read(digest))
        if hashlib.sha256(content).hexdigest() != digest:
            structlog.stdlib.get_logger().error("artifact_damaged", digest=digest, review=title)
            raise ArtifactDamagedError(
                f"The file of the review of {title} is damaged: its SHA-256 is not {digest} any "
                "more. Restore it from a backup, or have the review made again."
            )
        return content
