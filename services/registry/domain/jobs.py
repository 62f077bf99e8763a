"""Work that takes longer than a request should: what became of it can be asked at any time."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar, Final

from understudy.contracts.refusals import Fault, Refusal
from understudy.contracts.vocabulary import JobState

Step = Callable[[str, float], None]
"""Says what work is at, in words, and how much of it is done, between 0 and 1."""

KEPT_FOR: Final = timedelta(days=7)
SILENT_AFTER: Final = timedelta(seconds=30)
"""A job that nobody has said anything of for so long was cut off with its process."""

CUT_OFF: Final[Mapping[str, object]] = {
    "code": "cut_off",
    "fault": Fault.UNAVAILABLE,
    "detail": "The process that worked on it is gone. Look whether it was done, then ask again.",
}


class TooManyJobsError(Refusal):
    """As many jobs as this process takes are waiting, or as many of the caller's."""

    fault: ClassVar = Fault.UNAVAILABLE
    code: ClassVar = "too_many_jobs"

    def __init__(self, detail: str = "Too many jobs are waiting.") -> None:
        super().__init__(f"{detail} Try again shortly.", retry_after=10)


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work, as it was told of last."""

    id: str
    kind: str
    owner: str
    project: str
    created_at: datetime
    heard_at: datetime
    state: JobState = JobState.QUEUED
    step: str = ""
    """What it is at, in words."""
    progress: float = 0.0
    """Between 0 and 1."""
    result: Mapping[str, object] | None = None
    problem: Mapping[str, object] | None = None
    """`code`, `fault`, `detail` and perhaps `errors` of the refusal that ended it."""
    ended_at: datetime | None = None

    def seen(self, now: datetime) -> "Job":
        """What is to be believed of it: whoever is silent works no more."""
        if self.ended_at is not None or now - self.heard_at <= SILENT_AFTER:
            return self
        return self.cut_off(self.heard_at + SILENT_AFTER)

    def cut_off(self, at: datetime) -> "Job":
        """As it is when its process has gone."""
        return replace(self, state=JobState.FAILED, problem=CUT_OFF, ended_at=at)
