"""Who makes reviews."""

from dataclasses import dataclass
from typing import Protocol

from services.registry.domain.jobs import Step
from services.registry.domain.versions import Version
from understudy.contracts.reviews import Review


@dataclass(frozen=True, slots=True)
class Subject:
    """What is reviewed, and what it is held against."""

    version: Version
    main: Version | None
    trusted_types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A review, and the artifact that holds it."""

    file: str
    review: Review


class Reviewer(Protocol):
    """Makes reviews, in a process that has limits."""

    def review(self, subject: Subject, step: Step) -> Reviewed:
        """Raises ReviewFailedError, or InspectionBusyError."""
