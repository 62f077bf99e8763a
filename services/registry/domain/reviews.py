"""What is known of a version's reviews: attempts, what they found in short, who opened them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar

from understudy.contracts.refusals import Fault, Refusal
from understudy.contracts.reviews import Finding
from understudy.contracts.vocabulary import Question


class NoReviewError(Refusal):
    """The version has no review that could be read."""

    fault: ClassVar = Fault.NOT_FOUND
    code: ClassVar = "no_review"


class ReviewRunningError(Refusal):
    """A review of the version is being made; one at a time."""

    fault: ClassVar = Fault.CONFLICT
    code: ClassVar = "review_running"


class ReviewFailedError(Refusal):
    """A review could not be made."""

    code: ClassVar = "review_failed"


@dataclass(frozen=True, slots=True)
class Made:
    """A review that is there."""

    file: str
    """The artifact that holds all of it."""
    at: datetime
    findings: tuple[Finding, ...]
    main: int | None
    """The version that it was held against."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to review a version. Neither made nor failed: it is under way, or was cut off."""

    model: str
    version: int
    number: int
    job: str
    began_at: datetime
    began_by: str
    made: Made | None = None
    failure: str | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more is to be expected of it."""
        return self.made is not None or self.failure is not None


@dataclass(frozen=True, slots=True)
class Opening:
    """Who has had a review before their eyes, and when first."""

    number: int
    actor: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Answers:
    """A version's questionnaire, as it was answered last."""

    answers: Mapping[Question, str]
    at: datetime
    by: str


def merged(before: Answers | None, given: Answers) -> Answers:
    """Questions that are not named keep their answers, empty ones lose them."""
    held = {**(before.answers if before else {}), **given.answers}
    return replace(given, answers={q: text.strip() for q, text in held.items() if text.strip()})
