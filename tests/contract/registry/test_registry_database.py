"""Tables and their migrations agree; a change is audited or it is not; SQLite is set up right."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_mock_engine, text
from sqlalchemy.schema import CreateTable

from services.registry.adapters import database as database_module
from services.registry.adapters.catalogue_store import SqlCatalogue
from services.registry.adapters.database import Database
from services.registry.adapters.deployment_store import SqlDeployments
from services.registry.adapters.rows import entry_row
from services.registry.adapters.state_store import SqlState
from services.registry.adapters.tables import UtcDateTime, metadata
from services.registry.api.views import audit_view
from services.registry.domain.audit import Action, Entry, Recorded, Unknown
from services.registry.domain.chain import linked
from services.registry.domain.errors import StoreUnavailableError
from services.registry.domain.paging import Paging
from services.registry.domain.releases import Setting
from services.registry.domain.verifying import examined
from services.registry.domain.versions import NotCompiled, NotMeasured
from tests.fakes.outcome_stores import DATABASES, fresh_url
from tests.fakes.registry import NOON

MIGRATIONS = Path(database_module.__file__).parent / "migrations"
STORED_BEFORE = """
INSERT INTO projects VALUES ('bank', '', '2026-03-01 12:00:00');
INSERT INTO models VALUES ('credit', 'bank', '', '2026-03-01 12:00:00');
INSERT INTO versions (model, number, artifact, reference, signature, metrics, lineage,
  description, created_at, created_by, state)
VALUES ('credit', 1, 'a', 'b',
  '{"features": [{"name": "age", "kind": "integer"}],
    "target": {"name": "y", "task": "regression"}}',
  '{}', '{}', '', '2026-03-01 12:00:00', 'ann', 'pending');
INSERT INTO deployments (id, name, live_name, project, model, access, description, created_at,
  anchor, current)
VALUES (1, 'credit', 'credit', 'bank', 'credit', 'project', '', '2026-03-01 12:00:00', 1, 1);
INSERT INTO releases (id, deployment_id, number, kind, main, challengers, released_at,
  released_by, reason)
VALUES (1, 1, 1, 'deploy', 1, '[]', '2026-03-01 12:00:00', 'ann', '')
"""


@pytest.fixture
def database(tmp_path: Path) -> Database:
    found = Database(f"sqlite:///{tmp_path}/deep/registry.db")
    found.migrate()
    return found


@pytest.fixture(params=DATABASES)
def each_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    found = Database(fresh_url(request.param, tmp_path))
    found.migrate()
    yield found
    found.close()


def test_migrations_lead_to_the_tables(each_database: Database) -> None:
    with each_database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def moved(database: Database, revision: str, *, up: bool = False) -> None:
    """Alembic's own way to a revision."""
    with database.alone() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        (command.upgrade if up else command.downgrade)(config, revision)


def test_what_was_stored_before_is_kept_on_the_way_up_and_down(each_database: Database) -> None:
    database = each_database
    moved(database, "0001")
    with database.note() as connection:
        for statement in STORED_BEFORE.split(";"):
            connection.exec_driver_sql(statement)
    database.migrate()
    (release,) = SqlDeployments(database).history("credit")
    assert release.setting == Setting(1)
    version = SqlCatalogue(database).version("credit", 1)
    assert version is not None
    assert version.draft.compiled == NotCompiled("registered before compiled runners were made")
    assert version.draft.baseline == NotMeasured("registered before baselines were measured")
    assert (version.draft.evaluation, version.draft.time_column) == (None, None)
    moved(database, "0001")
    moved(database, "head", up=True)
    assert SqlDeployments(database).history("credit") == (release,)


def test_entries_from_before_the_chain_are_linked(each_database: Database) -> None:
    """As many as are read at once, and one more; the next change goes on from them."""
    database = each_database
    database_state = SqlState(database)
    with database.change() as change:
        change.record(
            Entry(NOON, "system", Action.CONFIGURE, "settings", "ünï \N{SNOWMAN}", {"x": 0.1})
        )
    first = database_state.sequence()
    moved(database, "0006")
    row = sa.table("audit", *map(sa.column, ("sequence", "actor", "action", "subject", "reason")),
                   sa.column("at", UtcDateTime()), sa.column("details", sa.JSON()))  # fmt: skip
    old = {"at": NOON, "actor": "ann", "action": "key.issue", "subject": "k", "reason": "",
           "details": {"n": [1, 2.5, None]}}  # fmt: skip
    with database.note() as connection:
        rows = [{**old, "sequence": first + number} for number in range(1, 1002)]
        # A word that a newer release wrote before somebody went back to an older one.
        rows[7]["action"] = "model.dream"
        connection.execute(sa.insert(row), rows)
        connection.execute(sa.text("UPDATE state SET sequence = :last"), {"last": first + 1001})
    database.migrate()
    with database.change() as change:
        change.record(Entry(NOON, "system", Action.CONFIGURE, "settings"))
    with database_state.chain() as chain:
        found = examined(chain)
    assert (found.entries, found.breaks) == (1003, ())


def test_the_chain_begins_as_it_goes_on() -> None:
    """The migration has its own copy of the hash, which no later release may change."""
    script = ScriptDirectory(str(MIGRATIONS)).get_revision("0007")
    assert script is not None
    details = {"n": [0.1, 1e22, None], "ü": {"b": True, "a": "\N{SNOWMAN}"}}
    for at in (NOON, datetime(2026, 3, 1, 13, 0, 0, 7, timezone(timedelta(hours=2)))):
        entry = Entry(at, "änn", Action.RELEASE, "credit", 'be"cause', details)
        row = SimpleNamespace(sequence=7, **entry_row(entry))
        assert script.module.linked("a" * 64, row) == linked("a" * 64, Recorded(7, entry))


def test_what_a_newer_release_did_is_told(each_database: Database) -> None:
    """After a way back down, say: the words stay in the trail."""
    state = SqlState(each_database)
    with each_database.change() as change:
        change.record(Entry(NOON, "ann", Unknown("model.dream"), "credit", "", {"of": "sheep"}))
    (newest,) = state.trail(Paging(limit=1)).items
    assert (newest.entry.action, newest.entry.subject) == (Unknown("model.dream"), "credit")
    assert audit_view(newest).action == "model.dream"
    with state.chain() as chain:
        assert examined(chain).whole


def test_several_processes_may_migrate_at_once(tmp_path: Path) -> None:
    databases = [Database(f"sqlite:///{tmp_path}/registry.db") for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda database: database.migrate(), databases))
    assert len({SqlState(database).sequence() for database in databases}) == 1
    for database in databases:
        database.close()


def test_tables_can_be_made_in_postgresql() -> None:
    dialect = create_mock_engine("postgresql+psycopg://", executor=lambda *_: None).dialect
    for table in metadata.sorted_tables:
        assert str(CreateTable(table).compile(dialect=dialect))


def test_a_change_without_an_entry_is_no_change(database: Database) -> None:
    before = SqlState(database).sequence()
    with pytest.raises(RuntimeError, match="audit"), database.change():
        pass
    assert SqlState(database).sequence() == before
    database.close()


def test_sqlite_writes_ahead_waits_and_keeps_its_references(database: Database) -> None:
    with database.read() as connection:
        found = [
            connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "busy_timeout", "foreign_keys", "synchronous")
        ]
    assert found == ["wal", 5_000, 1, 2]
    database.close()


def test_a_database_that_is_gone_is_a_refusal(tmp_path: Path) -> None:
    (tmp_path / "registry.db").mkdir()
    with pytest.raises(StoreUnavailableError):
        Database(f"sqlite:///{tmp_path}/registry.db").migrate()
