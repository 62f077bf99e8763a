"""The registry's whole interface in this process, over fakes."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import ASGIApp

from services.registry.adapters.database import Database
from services.registry.app import assemble, configure
from services.registry.domain.catalogue import Model, Project
from services.registry.domain.versions import Version, decide
from services.registry.ports.staging import Sourcing
from services.registry.settings import RegistrySettings
from tests.fakes.installations import Installation
from tests.fakes.installations import fill as fill_database
from tests.fakes.outcome_stores import fresh_url
from tests.fakes.people import PlainPasswords
from tests.fakes.registry import (
    NOON,
    Memory,
    MemoryArtifacts,
    TrustingInspector,
    deployment,
    draft,
    memory_store,
)
from tests.fakes.reviews_store import PleasedReviewer
from tests.fakes.staging import KnowingReader, MemoryStaged
from understudy.contracts.vocabulary import Decision

ADMIN = "us_admin0001_aaaaaaaaaaaaaaaaaaaaaaaaaaaa"
SERVICE = "us_service01_bbbbbbbbbbbbbbbbbbbbbbbbbbbb"
MONITOR = "us_monitor01_dddddddddddddddddddddddddddd"
METRICS = "us_metrics01_cccccccccccccccccccccccccccc"
TOKEN_SECRET = "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"


@dataclass(frozen=True, slots=True)
class Registry:
    """A client with the admin key, and what stands behind it."""

    http: httpx.AsyncClient
    api: FastAPI
    memory: Memory
    artifacts: MemoryArtifacts
    inspector: TrustingInspector
    app: ASGIApp
    """What answers, for other clients."""
    passwords: PlainPasswords
    reviewer: PleasedReviewer


def decided(number: int, decision: Decision | None) -> Version:
    version = Version(number, draft())
    return decide(version, decision, by="ann", at=NOON, reason="") if decision else version


def fill(memory: Memory) -> None:
    """Versions 1 to 3 deployed, 4 pending, 5 ignored, 6 persisted; version 1 is served."""
    memory.projects = {name: Project(name, "", NOON) for name in ("bank", "shop")}
    memory.models = {"credit": Model("credit", "bank", "", NOON)}
    decisions = (Decision.DEPLOY,) * 3 + (None, Decision.IGNORE, Decision.PERSIST)
    for number, decision in enumerate(decisions, 1):
        memory.versions["credit", number] = decided(number, decision)
    memory.deployments = {"credit": deployment()}
    memory.histories = {"credit": [deployment().current]}
    memory.last_release = {"credit": 1}


def ungated(folder: Path) -> Path:
    """A policy file by which nobody asks for a review."""
    file = folder / "gate.yaml"
    file.write_text("review: false\n")
    return file


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[Registry]:
    memory, artifacts, inspector = Memory(), MemoryArtifacts(), TrustingInspector()
    fill(memory)
    artifacts.files = {"a" * 64: b"model", "b" * 64: b"sample"}
    settings = RegistrySettings.model_validate(
        {
            "admin_key": ADMIN,
            "service_key": SERVICE,
            "monitor_key": MONITOR,
            "metrics_key": METRICS,
            "token_secret": TOKEN_SECRET,
            "body_limit_bytes": 100_000,
            # Reviews are made when a test asks for them.
            "registry_review": False,
            # And demanded where a test sets a gate.
            "gate_policy": ungated(tmp_path),
        }
    )
    store, passwords = memory_store(memory), PlainPasswords()
    reviewer = PleasedReviewer(artifacts.files)
    configure(store.state, settings)
    app = assemble(
        settings=settings,
        store=store,
        files=artifacts,
        inspector=inspector,
        reviewer=reviewer,
        passwords=passwords,
        sourcing=Sourcing(MemoryStaged(artifacts), KnowingReader()),
        on_change=memory.listeners.append,
        end=lambda: None,
        close=lambda: None,
    )
    transport = httpx.ASGITransport(app.asgi, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {ADMIN}"}
    async with (
        app.api.router.lifespan_context(app.api),
        httpx.AsyncClient(transport=transport, base_url="http://registry", headers=headers) as http,
    ):
        yield Registry(http, app.api, memory, artifacts, inspector, app.asgi, passwords, reviewer)


Install = Callable[[str], Installation]


@pytest.fixture
def install(tmp_path: Path) -> Iterator[Install]:
    made: list[Installation] = []

    def migrated(database: str) -> Installation:
        folder = tmp_path / f"installation-{len(made)}"
        folder.mkdir()
        made.append(Installation(Database(fresh_url(database, folder)), folder))
        made[-1].database.migrate()
        return made[-1]

    yield migrated
    for one in made:
        one.database.close()


@pytest.fixture
def filled(install: Install) -> Installation:
    """Two versions, a deployment with two releases, one that was deleted, keys of all kinds."""
    found = install("sqlite")
    fill_database(found)
    return found
