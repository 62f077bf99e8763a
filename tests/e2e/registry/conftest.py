"""A registry with a complete review, over fakes, at an address that a browser reaches."""

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
import uvicorn

from services.registry.app import assemble, configure
from services.registry.domain.catalogue import Model, Project
from services.registry.domain.people import Membership, User
from services.registry.domain.versions import Version, decide
from services.registry.ports.staging import Sourcing
from services.registry.settings import RegistrySettings
from tests.fakes.people import PlainPasswords
from tests.fakes.registry import (
    NOON,
    Memory,
    MemoryArtifacts,
    TrustingInspector,
    draft,
    memory_store,
)
from tests.fakes.reviews import hostile_review, keep_review, sample_review, wide_review
from tests.fakes.reviews_store import PleasedReviewer
from tests.fakes.staging import KnowingReader, MemoryStaged
from understudy.contracts.vocabulary import Decision, MemberRole

PASSWORD = "six blue cups 42"


@dataclass(frozen=True, slots=True)
class Reviewing:
    url: str
    memory: Memory


def fill(memory: Memory, files: dict[str, bytes]) -> None:
    memory.projects = {"bank": Project("bank", "", NOON)}
    for name, review in (
        ("credit", sample_review()),
        ("wide", wide_review()),
        ("hostile", hostile_review()),
    ):
        memory.models[name] = Model(name, "bank", "Will the loan be repaid?", NOON)
        for number in (3, 4):
            memory.versions[name, number] = Version(number, draft(name))
            keep_review(memory, files, replace(review, model=name, version=number))
    main = memory.versions["credit", 3]
    memory.versions["credit", 3] = decide(main, Decision.DEPLOY, by="user:eve", at=NOON, reason="")
    roles = {"ann": MemberRole.APPROVER, "ben": MemberRole.SCIENTIST, "eve": MemberRole.ADMIN}
    for name, role in roles.items():
        hashed = f"2026 {PASSWORD}"
        memory.users[name] = User(name, name.title(), admin=False, created_at=NOON, password=hashed)
        memory.members["bank", name] = Membership("bank", name, frozenset({role}), NOON)


@pytest.fixture
def reviewing() -> Iterator[Reviewing]:
    memory, artifacts = Memory(), MemoryArtifacts()
    fill(memory, artifacts.files)
    settings = RegistrySettings.model_validate(
        {"service_key": "us_service01_bbbbbbbbbbbbbbbbbbbbbbbbbbbb", "registry_review": False}
    )
    store = memory_store(memory)
    configure(store.state, settings)
    app = assemble(
        settings=settings,
        store=store,
        files=artifacts,
        inspector=TrustingInspector(),
        reviewer=PleasedReviewer(artifacts.files),
        passwords=PlainPasswords(),
        sourcing=Sourcing(MemoryStaged(artifacts), KnowingReader()),
        on_change=memory.listeners.append,
        end=lambda: None,
        close=lambda: None,
    )
    taken = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app.asgi, log_level="warning"))
    thread = threading.Thread(target=server.run, args=([taken],), daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert time.monotonic() < deadline, "it never answered"
        time.sleep(0.05)
    yield Reviewing(f"http://127.0.0.1:{taken.getsockname()[1]}", memory)
    server.should_exit = True
    thread.join(20)
    taken.close()
