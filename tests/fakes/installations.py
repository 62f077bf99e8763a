"""A registry's database and files without its process; and backups that were tampered with."""

import hashlib
import itertools
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from services.registry.adapters.artifact_files import ArtifactFiles
from services.registry.adapters.backup_files import BackupFiles
from services.registry.adapters.catalogue_store import SqlCatalogue
from services.registry.adapters.database import Database
from services.registry.adapters.deployment_store import SqlDeployments
from services.registry.adapters.key_store import SqlKeys
from services.registry.adapters.state_store import SqlState
from services.registry.adapters.table_store import SqlTables, kept_tables
from services.registry.domain.access import Configuration, InstallationKey, Key, Reach
from services.registry.domain.audit import Action, Entry
from services.registry.domain.catalogue import Model, Project
from services.registry.domain.releases import Setting
from services.registry.domain.verifying import Examination, examined
from services.registry.domain.versions import Baseline, Compiled, Lineage, decide
from services.registry.operations.backups import Backups
from tests.fakes.registry import NOON, deployment, draft, release
from understudy.contracts.vocabulary import BaselineSample, CompiledKind, Decision, Scope

FILES = {hashlib.sha256(content).hexdigest(): content for content in (b"model", b"rows", b"onnx")}
MODEL, ROWS, ONNX = FILES


def entry(subject: str = "credit") -> Entry:
    return Entry(NOON, "admin0001", Action.RELEASE, subject, "because – ünï", {"n": 1, "x": 0.1})


@dataclass
class Installation:
    """A database and a folder of artifacts."""

    database: Database
    folder: Path

    @property
    def files(self) -> ArtifactFiles:
        return ArtifactFiles(str(self.folder / "artifacts"))

    def backups(self, place: Path | str, now: datetime | None = None) -> Backups:
        tokens = itertools.count()
        return Backups(
            tables=SqlTables(self.database),
            files=self.files,
            folder=BackupFiles(str(place)),
            clock=lambda: now or datetime.now(UTC),
            draw=lambda: f"{next(tokens):06x}",
            progress=lambda _line: None,
        )

    def rows(self) -> dict[str, list[Any]]:
        with self.database.read() as connection:
            return {
                table.name: [
                    tuple(row)
                    for row in connection.execute(
                        sa.select(table).order_by(*table.primary_key.columns)
                    )
                ]
                for table in kept_tables()
            }


def fill(found: Installation) -> None:
    database = found.database
    catalogue, deployments, keys = (
        SqlCatalogue(database),
        SqlDeployments(database),
        SqlKeys(database),
    )
    for digest, content in FILES.items():
        found.files.take(digest, [content])
    installed = InstallationKey("service01", "e" * 64, (Scope.FOLLOW,))
    SqlState(database).configure(Configuration((installed,), ("my.Type",)), entry("settings"))
    catalogue.add_project(Project("bank", "Kredite – ja\n", NOON), entry("others"))
    catalogue.add_model(Model("credit", "bank", "", NOON), entry("others"))
    compiled = Compiled(CompiledKind.ONNX, ONNX, "float32", 10, 1e-7, 1e-5, 3.25)
    baseline = Baseline(ROWS, BaselineSample.REFERENCE, 10, {"age": 0.1 + 0.2})
    plain = replace(draft(), artifact=MODEL, reference=ROWS)
    catalogue.add_version(plain, entry())
    trained = Lineage("ann", trained_at=NOON + timedelta(microseconds=7))
    second = replace(plain, compiled=compiled, baseline=baseline, lineage=trained)
    version = catalogue.add_version(second, entry())
    told = {"decision": "deploy", "state": "deployed"}
    catalogue.end_review(
        decide(version, Decision.DEPLOY, by="ann", at=NOON, reason="good"),
        Entry(NOON, "ann", Action.DECIDE_VERSION, version.title, "good", told),
    )
    deployments.add(deployment("old"), entry("old"))
    deployments.delete(deployment("old"), entry("others"))
    deployments.add(deployment(), entry())
    deployments.release(release(2, Setting(2, (1,))), entry())
    for key_id, end in (("a" * 8, None), ("b" * 8, NOON)):
        keys.add(
            Key(key_id, "c" * 64, "app", (Scope.PREDICT,), Reach("credit"), NOON, end),
            entry("others"),
        )
    keys.revoke("a" * 8, entry("others"))


def verified(found: Installation) -> Examination:
    """The whole trail, walked."""
    with SqlState(found.database).chain() as chain:
        return examined(chain)


def without_state(rows: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """The restore leaves its own entry; sequence and configuration are the installation's own."""
    audit = [row for row in rows["audit"] if not row[3].startswith("registry.")]
    return {**rows, "audit": audit, "state": []}


def stated(place: Path, **changes: object) -> None:
    (path,) = place.glob("2*/manifest.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
