"""Reviews: begun when a version is registered, read by whoever decides, made anew when asked."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog

from services.registry.domain.audit import Action, Entry, Wanted
from services.registry.domain.grounds import Grounds, grounds_of
from services.registry.domain.jobs import SILENT_AFTER, Job, Step
from services.registry.domain.reviews import (
    Answers,
    Attempt,
    Made,
    NoReviewError,
    Opening,
    ReviewRunningError,
)
from services.registry.domain.versions import Version
from services.registry.operations.catalogue import Catalogue
from services.registry.operations.jobs import Jobs, new_id
from services.registry.operations.reach import Clock
from services.registry.operations.review_files import ReviewFiles
from services.registry.ports import ArtifactStore, StateStore
from services.registry.ports.review_store import ReviewStore
from services.registry.ports.reviews import Reviewed, Reviewer, Subject
from understudy.contracts.refusals import Refusal
from understudy.contracts.vocabulary import JobState, Question, ReviewState
from understudy.runtime.keys import Caller

JOB: Final = "version.review"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a version's review stands."""

    state: ReviewState
    latest: Attempt | None = None
    """The newest attempt."""
    made: Attempt | None = None
    """The newest that was made: it may be read while another one is made."""
    job: Job | None = None
    """Of the newest attempt, as long as jobs are remembered."""
    failure: str = ""
    """Why the newest attempt has made none."""


class Reviews:
    """What was found about versions before anybody decided."""

    def __init__(
        self,
        *,
        store: ReviewStore,
        catalogue: Catalogue,
        state: StateStore,
        artifacts: ArtifactStore,
        reviewer: Reviewer,
        jobs: Jobs,
        clock: Clock,
    ) -> None:
        self._store = store
        self._catalogue = catalogue
        self._state = state
        self._files = ReviewFiles(artifacts)
        self._reviewer = reviewer
        self._jobs = jobs
        self._clock = clock

    def begin(self, caller: Caller, model: str, number: int) -> Job:
        """Have a review made, whatever reviews there are.

        Raises NotFoundError, ReviewRunningError or TooManyJobsError.
        """
        version = self._catalogue.version(caller, model, number)
        standing = self.standing(caller, model, number)
        if standing.state is ReviewState.RUNNING:
            raise ReviewRunningError(f"A review of {version.title} is being made; wait for it.")
        # Of two at once the store lets one begin: both come after the same attempt.
        after = 0 if standing.latest is None else standing.latest.number
        return self._begin(caller, version, after=after)

    def begin_first(self, caller: Caller, version: Version) -> Job | None:
        """Have the review of a version made that was just registered; it stays when that fails."""
        log = structlog.stdlib.get_logger()
        try:
            return self._begin(caller, version, after=0)
        except Refusal as refusal:
            log.warning("review_not_begun", version=version.title, reason=refusal.detail)
        except Exception as error:
            # Whatever it is, the version is registered.
            log.exception("review_not_begun", version=version.title, exc_info=error)
        return None

    def standing(self, caller: Caller, model: str, number: int) -> Standing:
        """Where it stands. Raises NotFoundError."""
        self._catalogue.version(caller, model, number)
        latest = self._store.latest(model, number)
        if latest is None:
            return Standing(ReviewState.MISSING)
        made = latest if latest.made is not None else self._store.latest_made(model, number)
        if latest.made is not None:
            return Standing(ReviewState.MADE, latest, made)
        return self._unfinished(latest, made)

    def of_model(
        self, caller: Caller, model: str, versions: Collection[int]
    ) -> Mapping[int, Attempt]:
        """Of those versions, the newest attempt that was made, or else the newest."""
        self._catalogue.model(caller, model)
        return self._store.of_model(model, versions)

    def grounds(self, caller: Caller, model: str, number: int) -> Grounds | None:
        """What a version was decided on; None while nobody has. Raises NotFoundError."""
        version = self._catalogue.version(caller, model, number)
        if version.ruling is None:
            return None
        wanted = Wanted(frozenset({Action.DECIDE_VERSION}), frozenset({version.title}))
        for recorded in reversed(self._state.entries(wanted)):
            if (found := grounds_of(recorded.entry.details)) is not None:
                return found
        # Decided before that was kept: if nothing was made since, on what there is.
        made = self._store.latest_made(model, number)
        before = made and made.made and made.made.at <= version.ruling.decided_at
        return Grounds(review=made.number if made and before else None)

    def read(self, caller: Caller, model: str, number: int, review: int | None = None) -> Reviewed:
        """The version's review, which the caller has opened with that.

        The newest, or the one of that number.

        Raises NotFoundError, NoReviewError or ArtifactDamagedError.
        """
        self._catalogue.version(caller, model, number)
        # One look: of a review that is made meanwhile nobody has seen anything.
        attempt = self._made(model, number, review)
        found, now = self._files.of(attempt), self._clock()
        assert attempt.made is not None  # noqa: S101 - it was asked for those
        title = f"{model}/{number}"
        details = {"review": attempt.made.file, "review_number": attempt.number}
        entry = Entry(now, caller.actor, Action.OPEN_REVIEW, title, details=details)
        self._store.open(attempt, Opening(attempt.number, caller.actor, now), entry)
        return found

    def peek(self, caller: Caller, model: str, number: int, review: int | None = None) -> Reviewed:
        """The same for machines and for other pages: nobody has opened it with that."""
        self._catalogue.version(caller, model, number)
        return self._files.of(self._made(model, number, review))

    def openings(self, caller: Caller, model: str, number: int) -> tuple[Opening, ...]:
        """Who has opened which of its reviews."""
        self._catalogue.version(caller, model, number)
        return self._store.openings(model, number)

    def answers(self, caller: Caller, model: str, number: int) -> Answers | None:
        """The questionnaire, if anybody has answered."""
        self._catalogue.version(caller, model, number)
        return self._store.answers(model, number)

    def answer(
        self, caller: Caller, model: str, number: int, answers: Mapping[Question, str]
    ) -> Answers:
        """Answer some questions; those that are not named keep their answers, empty ones lose them.

        Raises NotFoundError, or AlreadyDecidedError once the version was decided.
        """
        version = self._catalogue.version(caller, model, number)
        version.require_pending()
        given = Answers(answers, self._clock(), caller.actor)

        def told(kept: Answers) -> Entry:
            details = {"answers": {question.value: text for question, text in kept.answers.items()}}
            return Entry(kept.at, kept.by, Action.ANSWER_QUESTIONS, version.title, details=details)

        return self._store.answer(version, given, told)

    def _begin(self, caller: Caller, version: Version, *, after: int) -> Job:
        draft = version.draft
        project = self._catalogue.model(caller, draft.model).project
        now = self._clock()
        job_id = new_id(now)
        attempt = self._store.begin(
            Attempt(draft.model, version.number, 0, job_id, now, caller.actor), after
        )
        try:
            return self._jobs.begin(
                caller, JOB, project, partial(self._work, caller, version, attempt), job_id
            )
        except BaseException:
            # Where even that can't be kept, the job that is not there tells it a little later.
            with suppress(Exception):
                self._store.failed(attempt, "It could not be put in line; have it made again.")
            raise

    def _work(
        self, caller: Caller, version: Version, attempt: Attempt, step: Step
    ) -> dict[str, object]:
        try:
            main = self._main_of(version)
            trusted = self._state.trusted_types()
            found = self._reviewer.review(Subject(version, main, trusted), step)
        except Refusal as refusal:
            self._store.failed(attempt, refusal.detail)
            raise
        against = None if main is None else main.number
        made = Made(found.file, self._clock(), found.review.findings, against)
        details = {
            "review": made.file,
            "review_number": attempt.number,
            "main": made.main,
            "findings": [f"{one.severity.value} {one.code.value}" for one in made.findings],
        }
        entry = Entry(made.at, caller.actor, Action.MAKE_REVIEW, version.title, details=details)
        self._store.made(attempt, made, entry)
        place = f"/v1/models/{version.draft.model}/versions/{version.number}/review"
        return {"location": place, "review": attempt.number}

    def _main_of(self, version: Version) -> Version | None:
        """Whom it would have to beat: the main of a deployment of its model, the newest release."""
        served = [
            one
            for one in self._state.state().deployments
            if one.deployment.model == version.draft.model
            and one.deployment.current.setting.main != version.number
        ]
        newest = max(served, key=lambda one: one.deployment.current.released_at, default=None)
        return None if newest is None else newest.versions[newest.deployment.current.setting.main]

    def _unfinished(self, latest: Attempt, made: Attempt | None) -> Standing:
        job = self._jobs.look(latest.job)
        if latest.failure is not None:
            return Standing(ReviewState.FAILED, latest, made, job, latest.failure)
        young = job is None and self._clock() - latest.began_at <= SILENT_AFTER
        if young or (job is not None and job.ended_at is None):
            return Standing(ReviewState.RUNNING, latest, made, job)
        detail = "The process that made it is gone; have it made again."
        if job is not None and job.state is JobState.FAILED and job.problem is not None:
            detail = str(job.problem.get("detail", detail))
        return Standing(ReviewState.FAILED, latest, made, job, detail)

    def _made(self, model: str, number: int, review: int | None = None) -> Attempt:
        if review is not None:
            one = self._store.attempt(model, number, review)
            if one is None or one.made is None:
                raise NoReviewError(f"Version {model}/{number} has no review {review}.")
            return one
        attempt = self._store.latest_made(model, number)
        if attempt is None:
            raise NoReviewError(
                f"Version {model}/{number} has no review yet. How far it is, "
                f"GET /v1/models/{model}/versions/{number}/review/status says; POST …/review has "
                "it made."
            )
        return attempt
