"""A backup is all of one moment or nothing; what was restored is what was backed up."""

import gzip
import hashlib
import itertools
import json
import threading
import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from services.registry.adapters import tables
from services.registry.adapters.catalogue_store import SqlCatalogue
from services.registry.adapters.deployment_store import SqlDeployments
from services.registry.adapters.state_store import SqlState
from services.registry.adapters.tables import audit
from services.registry.domain.access import Configuration
from services.registry.domain.audit import Action, Entry
from services.registry.domain.backups import (
    RegistryNotEmptyError,
)
from services.registry.domain.catalogue import Project
from services.registry.domain.paging import Paging
from services.registry.domain.releases import Setting
from services.registry.domain.verifying import Noted, examined
from tests.fakes.installations import (
    FILES,
    Installation,
    entry,
    fill,
    verified,
    without_state,
)
from tests.fakes.outcome_stores import DATABASES
from tests.fakes.registry import NOON, deployment, release

from .conftest import Install


@pytest.mark.parametrize("database", DATABASES)
def test_there_and_back_again(
    install: Install, filled: Installation, tmp_path: Path, database: str
) -> None:
    before = filled.rows()
    done = filled.backups(tmp_path / "one").back_up()
    assert (done.copied.files, done.copied.size_bytes) == (3, sum(map(len, FILES.values())))
    assert done.manifest.sequence == before["state"][0][1]
    there, back = install(database), install("sqlite")
    there.backups(tmp_path / "one").restore()
    assert without_state(there.rows()) == without_state(before)
    assert SqlState(there.database).sequence() > done.manifest.sequence
    there.backups(tmp_path / "two").back_up()
    back.backups(tmp_path / "two").restore()
    assert without_state(back.rows()) == without_state(before)
    for installation in (there, back):
        assert verified(installation).whole
        assert {digest: b"".join(installation.files.read(digest)) for digest in FILES} == FILES
        state = SqlState(installation.database).state()
        assert [served.deployment.name for served in state.deployments] == ["credit"]
        assert state.configuration == Configuration()


def reviewed(found: Installation) -> str:
    """A review that was opened, answers, two gates, a trusted type; the digest of the review."""
    content = '{"said": "ünï 😀"}'.encode()
    digest = hashlib.sha256(content).hexdigest()
    found.files.take(digest, [content])
    at, place = NOON + timedelta(microseconds=1), {"model": "credit", "version": 2}
    findings = [{"code": "x", "share": 0.1 + 0.2, "said": "😀 \x00", "none": None, "tiny": 5e-324}]
    review = {"job": "j", "began_at": at, "began_by": "ann", "file": digest, "made_at": at}
    gate = {"project": "bank", "text": "# why\nreview: true\n", "at": at, "by": "ann", "reason": ""}
    with found.database.note() as connection:
        for table, rows in (
            (
                tables.reviews,
                [
                    {**place, **review, "number": 1, "file": None, "made_at": None, "failure": "f"},
                    {**place, **review, "number": 2, "findings": findings, "main": 1},
                ],
            ),
            (tables.openings, [{**place, "number": 2, "actor": "user:ann", "at": at}]),
            (tables.answers, [{**place, "answers": {"purpose": "ünï"}, "at": at, "by": "ann"}]),
            (tables.gates, [{**gate, "number": n, "policy": {"margin": 0.1}} for n in (1, 2)]),
            (
                tables.trust,
                [
                    {
                        "type": "my.Type",
                        "state": "asked",
                        "asked_at": at,
                        "asked_by": "ann",
                        "model": "credit",
                    }
                ],
            ),
        ):
            for row in rows:
                connection.execute(sa.insert(table).values(**row))
    for number in (1, 2):
        with found.database.change() as change:
            told = {"number": number, "policy": {"margin": 0.1}}
            change.record(Entry(at, "ann", Action.SET_GATE, "bank", "", told))
    with found.database.change() as change:
        change.record(Entry(at, "ann", Action.RELEASE, "credit", "😀", {"found": findings}))
    return digest


@pytest.mark.parametrize("database", DATABASES)
def test_reviews_gates_and_trust_go_along(
    install: Install, filled: Installation, tmp_path: Path, database: str
) -> None:
    digest = reviewed(filled)
    before, head = filled.rows(), verified(filled).head
    made = filled.backups(tmp_path / "one").back_up().manifest
    assert made.head == head
    there, back = install(database), install("sqlite")
    there.backups(tmp_path / "one").restore()
    there.backups(tmp_path / "two").back_up()
    back.backups(tmp_path / "two").restore()
    for installation in (there, back):
        assert without_state(installation.rows()) == without_state(before)
        assert installation.files.size(digest) is not None
        with SqlState(installation.database).chain() as chain:
            assert examined(chain, Noted(head=made.head)).breaks == ()


@pytest.mark.parametrize("database", DATABASES)
def test_a_restored_registry_goes_on(
    install: Install, filled: Installation, tmp_path: Path, database: str
) -> None:
    """New rows get ids of their own, and what was numbered on goes on from there."""
    filled.backups(tmp_path / "b").back_up()
    there = install(database)
    there.backups(tmp_path / "b").restore()
    deployments = SqlDeployments(there.database)
    deployments.release(release(3, Setting(1, (2,))), entry())
    again = deployments.add(deployment("old"), entry())
    assert again.current.number == 2
    trail = SqlState(there.database).trail(Paging(1000)).items
    assert [one.entry.action for one in trail[:3]] == [
        Action.RELEASE,
        Action.RELEASE,
        Action.RESTORE,
    ]
    assert len({one.sequence for one in trail}) == len(trail)


@pytest.mark.parametrize("database", DATABASES)
def test_only_force_replaces_what_is_there(
    install: Install, filled: Installation, tmp_path: Path, database: str
) -> None:
    filled.backups(tmp_path / "b").back_up()
    there = install(database)
    fill(there)
    SqlCatalogue(there.database).add_project(Project("later", "", NOON), entry())
    before, configured = there.rows(), SqlState(there.database).configuration()
    with pytest.raises(RegistryNotEmptyError):
        there.backups(tmp_path / "b").restore()
    assert there.rows() == before
    there.backups(tmp_path / "b").restore(force=True)
    assert SqlCatalogue(there.database).project("later") is None
    assert without_state(there.rows()) == without_state(filled.rows())
    # Settings are no data: whoever runs meanwhile keeps knowing its keys.
    assert SqlState(there.database).configuration() == configured
    assert SqlState(there.database).sequence() > before["state"][0][1]


def test_a_backup_is_told_of(filled: Installation, tmp_path: Path) -> None:
    at = datetime(2026, 11, 1, 2, 3, 4, tzinfo=UTC)
    done = filled.backups(tmp_path / "b", at).back_up()
    assert done.manifest.name == "20261101T020304Z-000000"
    assert SqlState(filled.database).state().backed_up_at == at
    (last,) = SqlState(filled.database).trail(Paging(1)).items
    assert (last.entry.action, last.entry.subject) == (Action.BACK_UP, done.manifest.name)


def test_no_key_is_in_a_backup(filled: Installation, tmp_path: Path) -> None:
    filled.backups(tmp_path / "b").back_up()
    (file,) = (tmp_path / "b").glob("2*/keys.jsonl.gz")
    header, *rows = (json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines())
    names = [name for name, _ in header["columns"]]
    assert "digest" in names
    assert not {"secret", "key", "plaintext"} & set(names)
    assert len(rows) == 2


def test_what_is_there_is_not_copied_again(filled: Installation, tmp_path: Path) -> None:
    backups = filled.backups(tmp_path / "b")
    assert backups.back_up().copied.files == 3
    assert backups.back_up().copied.files == 0
    assert len(backups.published()) == 2


def test_the_newest_are_kept(filled: Installation, tmp_path: Path) -> None:
    for day in range(1, 5):
        now = datetime(2026, 11, day, tzinfo=UTC)
        if day == 3:
            abandoned = tmp_path / "b" / "20261101T120000Z-abcdef"
            lately = tmp_path / "b" / "20261103T120000Z-abcdef"
            for folder in (abandoned, lately):
                folder.mkdir()
        done = filled.backups(tmp_path / "b", now).back_up(keep=2)
    found = [manifest.name for manifest in filled.backups(tmp_path / "b").published()]
    assert found == ["20261104T000000Z-000000", "20261103T000000Z-000000"]
    assert done.removed == ("20261102T000000Z-000000",)
    # What another process may be writing yet is left alone.
    assert (abandoned.exists(), lately.exists()) == (False, True)
    assert filled.backups(tmp_path / "b").restore(found[1], force=True).copied.files == 0


@pytest.mark.parametrize("database", DATABASES)
def test_one_moment_is_backed_up_while_changes_go_on(
    install: Install, tmp_path: Path, database: str
) -> None:
    """Numbers without gaps, up to the manifest's; each deployment's current release is there."""
    busy = install(database)
    fill(busy)
    over, made = threading.Event(), []

    def change() -> None:
        deployments = SqlDeployments(busy.database)
        for number in itertools.count(3):
            if over.is_set():
                return
            deployments.release(release(number, Setting(1 + number % 2)), entry())
            made.append(number)

    changing = threading.Thread(target=change)
    changing.start()
    try:
        while not made:
            over.wait(0.01)
        for number in range(2):
            busy.backups(tmp_path / str(number)).back_up()
    finally:
        over.set()
        changing.join()
    for number in range(2):
        there = install("sqlite")
        manifest = there.backups(tmp_path / str(number)).restore().manifest
        rows = there.rows()
        sequences = [row[0] for row in rows["audit"][:-1]]
        assert sequences == list(range(sequences[0], manifest.sequence + 1))
        (found,) = SqlState(there.database).state().deployments
        assert found.deployment.current.number == len(found.history)


TABLES_OF_0004 = {
    "state", "projects", "models", "versions", "deployments", "releases", "keys", "audit",
}  # fmt: skip
LATER = {
    "state": {"backed_up_at", "chain"},
    "keys": {"limits", "last_used_at", "issued_by"},
    "audit": {"hash"},
    "versions": {"overridden", "protected", "format", "converted_from", "attestation"},
}
"""What revisions after 0004 added to tables that were there."""


def without_columns(path: Path, names: set[str]) -> dict[str, object]:
    """Write the file anew; what the manifest says of it."""
    header, *rows = (json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines())
    kept = [place for place, (name, _) in enumerate(header["columns"]) if name not in names]
    assert len(kept) == len(header["columns"]) - len(names)
    header["columns"] = [header["columns"][place] for place in kept]
    lines = [header, *([row[place] for place in kept] for row in rows)]
    path.write_bytes(gzip.compress(b"".join(json.dumps(line).encode() + b"\n" for line in lines)))
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return {"rows": len(rows), "size_bytes": len(content), "sha256": digest}


@pytest.mark.parametrize("database", DATABASES)
def test_a_backup_of_older_tables_is_migrated_on_its_way(
    install: Install, tmp_path: Path, database: str
) -> None:
    """Written as the release of revision 0004 would have: without what came later."""
    old = install("sqlite")
    fill(old)
    old.backups(tmp_path / "b").back_up()
    (manifest,) = (tmp_path / "b").glob("2*/manifest.json")
    told = json.loads(manifest.read_text())
    parts = told["tables"]
    for later in set(parts) - TABLES_OF_0004:
        del parts[later]
    for name, columns in LATER.items():
        parts[name] = without_columns(manifest.with_name(f"{name}.jsonl.gz"), columns)
    del told["head"]
    manifest.write_text(json.dumps({**told, "revision": "0004", "tables": parts}))
    there = install(database)
    there.backups(tmp_path / "b").restore()
    there.database.require_migrated()
    assert without_state(there.rows()) == without_state(old.rows())
    assert verified(there).whole


def test_memory_is_bounded_however_many_rows_there_are(
    filled: Installation, install: Install, tmp_path: Path
) -> None:
    """20 MB of rows pass through less than half of that."""
    row = {"at": NOON, "actor": "a", "action": "key.issue", "subject": "s", "details": {}}
    row["hash"] = "h" * 64
    rows = [{**row, "sequence": n, "reason": f"{n:04}" * 1000} for n in range(5000)]
    with filled.database.note() as connection:
        connection.execute(sa.insert(audit), rows)
    del rows
    there = install("sqlite")
    tracemalloc.start()
    try:
        filled.backups(tmp_path / "b").back_up()
        there.backups(tmp_path / "b").restore()
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most_bytes < 10_000_000
    assert len(there.rows()["audit"]) > 5000
