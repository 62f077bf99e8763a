"""What is kept of reviews while several people and processes have to do with them."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.registry.adapters.database import Database
from services.registry.domain.audit import Action, Entry
from services.registry.domain.catalogue import Model, Project
from services.registry.domain.errors import (
    AlreadyDecidedError,
    RecipeFrozenError,
    StoreUnavailableError,
)
from services.registry.domain.gate import Basis
from services.registry.domain.gate_refusals import AnswersChangedError
from services.registry.domain.jobs import SILENT_AFTER, TooManyJobsError
from services.registry.domain.reviews import Attempt, Made, ReviewRunningError
from services.registry.domain.versions import Lineage, Version, decide
from services.registry.operations.catalogue import Catalogue
from services.registry.operations.jobs import Jobs
from services.registry.operations.reviews import Reviews
from services.registry.ports import Store
from tests.fakes.outcome_stores import DATABASES, fresh_url
from tests.fakes.registry import NOON, MemoryArtifacts, SilentInstruments, draft, memory_store
from tests.fakes.reviews_store import PleasedReviewer
from understudy.contracts.vocabulary import Decision, Question, ReviewState, Scope
from understudy.runtime.keys import Caller, Grant

from .test_registry_stores import sql_store

ENTRY = Entry(NOON, "admin0001", Action.MAKE_REVIEW, "credit/1")
ANN = Caller("user:ann", (Grant(frozenset({Scope.ADMIN})),)).wanting(Scope.ADMIN)


@dataclass
class Installation:
    """Reviews over a store that holds one pending version."""

    store: Store
    artifacts: MemoryArtifacts
    reviewer: PleasedReviewer
    now: datetime = NOON
    lines: list[Jobs] = field(default_factory=list)

    def reviews(self, store: Any = None, jobs: Any = None) -> Reviews:
        def clock() -> datetime:
            return self.now

        return Reviews(
            store=store or self.store.reviews,
            catalogue=Catalogue(
                store=self.store.catalogue, instruments=SilentInstruments(), clock=clock
            ),
            state=self.store.state,
            artifacts=self.artifacts,
            reviewer=self.reviewer,
            jobs=jobs or self._line(clock),
            clock=clock,
        )

    def _line(self, clock: Callable[[], datetime]) -> Jobs:
        self.lines.append(Jobs(self.store.jobs, clock, at_once=1))
        return self.lines[-1]

    def begun(self) -> Attempt:
        """One more try, by a process that never says anything of it."""
        latest = self.store.reviews.latest("credit", 1)
        attempt = Attempt("credit", 1, 0, "job", NOON, "user:ann")
        return self.store.reviews.begin(attempt, 0 if latest is None else latest.number)

    def made(self) -> str:
        """One more review; its file."""
        version = self.store.catalogue.version("credit", 1)
        assert version is not None
        begun = self.begun()
        digest = self.reviewer.written(version, seed=begun.number)
        self.store.reviews.made(begun, Made(digest, NOON, (), None), ENTRY)
        return digest


@pytest.fixture(params=["memory", *DATABASES])
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    database = None
    if request.param == "memory":
        made = memory_store()
    else:
        database = Database(fresh_url(request.param, tmp_path))
        made = sql_store(database)
    made.catalogue.add_project(Project("bank", "", NOON), ENTRY)
    made.catalogue.add_model(Model("credit", "bank", "", NOON), ENTRY)
    made.catalogue.add_version(draft(), ENTRY)
    artifacts = MemoryArtifacts()
    found = Installation(made, artifacts, PleasedReviewer(artifacts.files))
    yield found
    for line in found.lines:
        line.join(30)
    if database is not None:
        database.close()


class Meanwhile:
    """Reviews' store in which another review is made right after the newest was looked up."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._store = installation.store.reviews

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def latest_made(self, model: str, version: int) -> Attempt | None:
        found = self._store.latest_made(model, version)
        self._installation.made()
        return found


def test_what_was_shown_was_opened_and_nothing_newer(installation: Installation) -> None:
    first = installation.made()
    found = installation.reviews(Meanwhile(installation)).read(ANN, "credit", 1)
    assert found.file == first
    (opening,) = installation.store.reviews.openings("credit", 1)
    assert opening.number == 1


class BothLook:
    """Reviews' store whose newest attempt two look up before either begins another one."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self._both = threading.Barrier(2, timeout=30)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def latest(self, model: str, version: int) -> Attempt | None:
        found: Attempt | None = self._store.latest(model, version)
        self._both.wait()
        return found


def test_of_two_who_begin_at_once_one_does(installation: Installation) -> None:
    reviews = installation.reviews(BothLook(installation.store.reviews))

    def begin(_place: int) -> str:
        try:
            return reviews.begin(ANN, "credit", 1).id
        except ReviewRunningError as refusal:
            return refusal.code

    with ThreadPoolExecutor(2) as threads:
        found = sorted(threads.map(begin, range(2)))
    assert found[1] == "review_running"
    latest = installation.store.reviews.latest("credit", 1)
    assert latest is not None
    assert (latest.number, latest.job) == (1, found[0])


def test_who_was_cut_off_blocks_nobody(installation: Installation) -> None:
    installation.begun()
    with pytest.raises(ReviewRunningError):
        installation.reviews().begin(ANN, "credit", 1)
    installation.now = NOON + SILENT_AFTER + timedelta(seconds=1)
    job = installation.reviews().begin(ANN, "credit", 1)
    latest = installation.store.reviews.latest("credit", 1)
    assert latest is not None
    assert (latest.number, latest.job) == (2, job.id)


class NoLine:
    """Jobs that nothing can be put in line of."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def begin(self, *_args: object) -> None:
        raise self._error

    def look(self, _job_id: str) -> None:
        """Nothing was kept."""


@pytest.mark.parametrize(
    "error", [TooManyJobsError(), StoreUnavailableError("gone"), ValueError("a bug")]
)
def test_a_version_stays_registered_when_its_review_can_not_begin(
    installation: Installation, error: Exception
) -> None:
    version = installation.store.catalogue.version("credit", 1)
    assert version is not None
    reviews = installation.reviews(jobs=NoLine(error))
    assert reviews.begin_first(ANN, version) is None
    standing = reviews.standing(ANN, "credit", 1)
    assert standing.state is ReviewState.FAILED
    assert "could not be put in line" in standing.failure


def test_two_who_answer_at_once_lose_nothing(installation: Installation) -> None:
    reviews = installation.reviews()
    asked = (Question.OBJECTIVE, Question.MONITORING)

    def answer(question: Question) -> None:
        reviews.answer(ANN, "credit", 1, {question: " told "})

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(answer, asked))
    found = reviews.answers(ANN, "credit", 1)
    assert found is not None
    assert found.answers == dict.fromkeys(asked, "told")


class Decided:
    """Reviews' store before whose change somebody decides."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store.reviews, name)

    def answer(self, version: Version, given: Any, told: Any) -> Any:
        ended = decide(version, Decision.IGNORE, by="user:bob", at=NOON, reason="")
        self._store.catalogue.end_review(ended, ENTRY)
        return self._store.reviews.answer(version, given, told)


def test_what_is_decided_meanwhile_is_answered_no_more(installation: Installation) -> None:
    reviews = installation.reviews(Decided(installation.store))
    with pytest.raises(AlreadyDecidedError):
        reviews.answer(ANN, "credit", 1, {Question.OBJECTIVE: "late"})
    assert reviews.answers(ANN, "credit", 1) is None


def test_answers_that_a_decision_rests_on_are_still_there(installation: Installation) -> None:
    reviews, store = installation.reviews(), installation.store
    before = reviews.answer(ANN, "credit", 1, {Question.OBJECTIVE: "Fewer losses."})
    installation.now = NOON + timedelta(minutes=1)
    reviews.answer(ANN, "credit", 1, {Question.OBJECTIVE: ""})
    version = store.catalogue.version("credit", 1)
    assert version is not None
    ended = decide(version, Decision.DEPLOY, by="user:bob", at=NOON, reason="")
    basis = Basis("bank", 0, None, asked=True, answered_at=before.at)
    with pytest.raises(AnswersChangedError):
        store.catalogue.end_review(ended, ENTRY, basis)
    store.catalogue.end_review(ended, ENTRY, replace(basis, asked=False))


def test_a_recipe_that_is_frozen_meanwhile_takes_no_run(installation: Installation) -> None:
    store = installation.store
    version = store.catalogue.version("credit", 1)
    assert version is not None
    ended = decide(version, Decision.PERSIST, by="user:bob", at=NOON, reason="")
    store.catalogue.end_review(ended, ENTRY)
    before = store.state.sequence()
    with pytest.raises(RecipeFrozenError, match="credit/1 was persisted"):
        store.catalogue.add_version(replace(draft(), lineage=Lineage(run="nightly-7")), ENTRY)
    assert store.state.sequence() == before
    assert store.catalogue.add_version(draft(), ENTRY).number == 2
