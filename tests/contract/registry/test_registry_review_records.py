"""What is kept of reviews while several people and processes have to do with them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from services.registry.adapters.database import Database
from services.registry.domain.audit import Action, Entry
from services.registry.domain.catalogue import Model, Project
from services.registry.domain.reviews import Attempt, Made
from services.registry.operations.catalogue import Catalogue
from services.registry.operations.jobs import Jobs
from services.registry.operations.reviews import Reviews
from services.registry.ports import Store
from tests.fakes.outcome_stores import DATABASES, fresh_url
from tests.fakes.registry import NOON, MemoryArtifacts, SilentInstruments, draft, memory_store
from tests.fakes.reviews_store import PleasedReviewer
from understudy.contracts.vocabulary import Scope
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

    def reviews(self, store: Any = None) -> Reviews:
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
            jobs=Jobs(self.store.jobs, clock, at_once=1),
            clock=clock,
        )

    def made(self) -> str:
        """One more review; its file."""
        version = self.store.catalogue.version("credit", 1)
        assert version is not None
        attempt = Attempt("credit", 1, 0, "job", NOON, "user:ann")
        begun = self.store.reviews.begin(attempt)
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
    yield Installation(made, artifacts, PleasedReviewer(artifacts.files))
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
