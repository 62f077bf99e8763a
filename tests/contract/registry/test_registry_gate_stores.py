"""Policies are numbered without gaps, and a decision holds only while what it rests on does."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.registry.adapters.database import Database
from services.registry.adapters.gate_yaml import YamlGates
from services.registry.domain.audit import Action, Entry
from services.registry.domain.catalogue import Model, Project
from services.registry.domain.errors import AlreadyDecidedError
from services.registry.domain.gate import Basis, Written
from services.registry.domain.gate_refusals import GateChangedError, ReviewChangedError
from services.registry.domain.paging import Paging
from services.registry.domain.reviews import Attempt, Made
from services.registry.domain.versions import Version, VersionDraft
from services.registry.operations.catalogue import Catalogue
from services.registry.operations.gate import Gate
from services.registry.operations.gate_policies import GatePolicies
from services.registry.operations.jobs import Jobs
from services.registry.operations.reviews import Reviews
from services.registry.ports import Store
from tests.fakes.outcome_stores import DATABASES, fresh_url
from tests.fakes.registry import NOON, MemoryArtifacts, SilentInstruments, draft, memory_store
from tests.fakes.reviews_store import PleasedReviewer
from understudy.contracts.gate import DEFAULT, GatePolicy, MetricDemand
from understudy.contracts.vocabulary import Decision, FindingCode, Question, Scope, Severity
from understudy.runtime.keys import Caller, Grant

from .test_registry_stores import sql_store

POLICY = GatePolicy(
    findings={FindingCode.PROXY: Severity.BLOCK},
    metrics={"roc_auc": MetricDemand(at_least=0.7, certain=True)},
    questions=(Question.OBJECTIVE,),
    review_days=30,
)
ENTRY = Entry(NOON, "admin0001", Action.SET_GATE, "bank")


@pytest.fixture(params=["memory", *DATABASES])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """With one model, whose only version is pending."""
    database = None
    if request.param == "memory":
        made = memory_store()
    else:
        database = Database(fresh_url(request.param, tmp_path))
        made = sql_store(database)
    for project in ("bank", "shop"):
        made.catalogue.add_project(Project(project, "", NOON), ENTRY)
    made.catalogue.add_model(Model("credit", "bank", "", NOON), ENTRY)
    made.catalogue.add_version(_draft(), ENTRY)
    yield made
    if database is not None:
        database.close()


def _draft() -> VersionDraft:
    return replace(draft(), created_by="user:ann")


def written(number: int, policy: GatePolicy = DEFAULT, project: str = "bank") -> Written:
    at = NOON + timedelta(minutes=number)
    return Written(project, number, policy, "# ours\n{}\n", at, "user:ann", "agreed")


def caller(name: str) -> Caller:
    return Caller(f"user:{name}", (Grant(frozenset({Scope.REVIEW, Scope.READ})),)).wanting(
        Scope.REVIEW
    )


def test_policies_come_back_as_they_were(store: Store) -> None:
    assert store.gates.current("bank") is None
    store.gates.add(written(1), ENTRY)
    store.gates.add(written(2, POLICY), ENTRY)
    store.gates.add(written(1, project="shop"), ENTRY)
    assert store.gates.current("bank") == written(2, POLICY)
    first = store.gates.versions("bank", Paging(1))
    assert first.items == (written(2, POLICY),)
    assert store.gates.versions("bank", Paging(5, first.next_cursor)).items == (written(1),)


@pytest.mark.parametrize("number", [1, 3])
def test_numbers_follow_each_other(store: Store, number: int) -> None:
    store.gates.add(written(1), ENTRY)
    before = store.state.sequence()
    with pytest.raises(GateChangedError):
        store.gates.add(written(number), ENTRY)
    assert store.state.sequence() == before
    assert store.gates.current("bank") == written(1)


@dataclass(frozen=True, slots=True)
class Installation:
    """A gate over a store, with a moment between assessing and writing down."""

    gate: Gate
    reviews: Reviews
    make_review: Callable[[], None]


class Paused:
    """A catalogue's store that does something right before a review ends."""

    def __init__(self, store: Any, before: Callable[[], object]) -> None:
        self._store = store
        self._before = before

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def end_review(self, version: Version, entry: Entry, basis: Basis | None = None) -> None:
        self._before()
        self._store.end_review(version, entry, basis)


def installed(store: Store, before: Callable[[], object] = lambda: None) -> Installation:
    artifacts = MemoryArtifacts()
    catalogue = Catalogue(
        store=store.catalogue, instruments=SilentInstruments(), clock=lambda: NOON
    )
    reviewer = PleasedReviewer(artifacts.files)
    reviews = Reviews(
        store=store.reviews,
        catalogue=catalogue,
        state=store.state,
        artifacts=artifacts,
        reviewer=reviewer,
        jobs=Jobs(store.jobs, lambda: NOON, at_once=1),
        clock=lambda: NOON,
    )
    policies = GatePolicies(
        store=store.gates,
        catalogue=store.catalogue,
        reader=YamlGates(),
        own=None,
        clock=lambda: NOON,
    )
    gate = Gate(
        policies=policies,
        catalogue=catalogue,
        reviews=reviews,
        store=Paused(store.catalogue, before),
        keys=store.keys,
        instruments=SilentInstruments(),
        clock=lambda: NOON,
    )
    return Installation(gate, reviews, lambda: make_review(store, artifacts))


def make_review(store: Store, artifacts: MemoryArtifacts) -> None:
    version = store.catalogue.version("credit", 1)
    assert version is not None
    latest = store.reviews.latest("credit", 1)
    begun = Attempt("credit", 1, 0, "job-1", NOON, "user:ann")
    attempt = store.reviews.begin(begun, 0 if latest is None else latest.number)
    review = sample_file(attempt.number)
    digest = hashlib.sha256(review).hexdigest()
    artifacts.files[digest] = review
    made = Made(digest, NOON, (), None)
    store.reviews.made(attempt, made, replace(ENTRY, action=Action.MAKE_REVIEW))


def sample_file(number: int) -> bytes:
    told = (
        '{"model": "credit", "version": 1, "task": "classification", "made_at": '
        f'"2026-03-01T12:00:0{number}Z", "seconds": 1, "seed": 1, "artifact": "{"a" * 64}", '
        '"data": {"samples": [], "columns": [], "checks": []}, "findings": []}'
    )
    return told.encode()


@pytest.mark.parametrize("decisions", [(Decision.DEPLOY, Decision.IGNORE), (Decision.PERSIST,) * 2])
def test_of_two_approvers_at_once_exactly_one_decides(
    store: Store, decisions: tuple[Decision, Decision]
) -> None:
    both = threading.Barrier(2, timeout=30)
    installation = installed(store, both.wait)
    installation.make_review()
    names = ("bob", "eve")
    for name in names:
        installation.reviews.read(caller(name), "credit", 1)

    def decide(name: str, decision: Decision) -> Version | AlreadyDecidedError:
        try:
            return installation.gate.decide(caller(name), "credit", 1, decision, "")
        except AlreadyDecidedError as error:
            return error

    with ThreadPoolExecutor(2) as threads:
        results = list(threads.map(decide, names, decisions))
    (won,) = [each for each in results if isinstance(each, Version)]
    assert store.catalogue.version("credit", 1) == won
    trail = store.state.trail(Paging(100)).items
    assert [each.entry.action for each in trail].count(Action.DECIDE_VERSION) == 1


def test_a_newer_review_must_be_opened_before_anybody_decides(store: Store) -> None:
    newer: list[Callable[[], None]] = []
    installation = installed(store, lambda: newer.pop()() if newer else None)
    installation.make_review()
    bob = caller("bob")
    installation.reviews.read(bob, "credit", 1)
    newer.append(installation.make_review)
    with pytest.raises(ReviewChangedError, match="A newer review of credit/1"):
        installation.gate.decide(bob, "credit", 1, Decision.DEPLOY, "")
    pending = store.catalogue.version("credit", 1)
    assert pending is not None
    assert pending.ruling is None
    (obstacle,) = installation.gate.assessment(bob, "credit", 1).obstacles
    assert obstacle.subject == "review 2"
    installation.reviews.read(bob, "credit", 1)
    assert installation.gate.decide(bob, "credit", 1, Decision.DEPLOY, "").ruling is not None


def test_what_is_overridden_or_ignored_unreviewed_is_not_reviewed_meanwhile(store: Store) -> None:
    newer: list[Callable[[], None]] = []
    installation = installed(store, lambda: newer.pop()() if newer else None)
    newer.append(installation.make_review)
    with pytest.raises(ReviewChangedError):
        installation.gate.decide(caller("bob"), "credit", 1, Decision.IGNORE, "")


def test_another_policy_meanwhile_is_looked_at_first(store: Store) -> None:
    stricter = written(1, GatePolicy(second_person=True))
    changes = [lambda: store.gates.add(stricter, ENTRY)]
    installation = installed(store, lambda: changes.pop()() if changes else None)
    installation.make_review()
    ann = caller("ann")
    installation.reviews.read(ann, "credit", 1)
    with pytest.raises(GateChangedError):
        installation.gate.decide(ann, "credit", 1, Decision.DEPLOY, "")
    (obstacle,) = installation.gate.assessment(ann, "credit", 1).obstacles
    assert obstacle.code.value == "same_person"


def test_of_two_policies_at_once_exactly_one_is_the_next(store: Store) -> None:
    def add(reason: str) -> bool:
        try:
            store.gates.add(replace(written(1), reason=reason), ENTRY)
        except GateChangedError:
            return False
        return True

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(add, ("one", "other"))) == [False, True]
    assert len(store.gates.versions("bank", Paging(5)).items) == 1
