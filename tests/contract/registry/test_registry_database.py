"""Tables and their migrations agree; a change is audited or it is not; SQLite is set up right."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_mock_engine, text
from sqlalchemy.schema import CreateTable

from services.registry.adapters.database import Database
from services.registry.adapters.state_store import SqlState
from services.registry.adapters.tables import metadata
from services.registry.domain.errors import StoreUnavailableError


@pytest.fixture
def database(tmp_path: Path) -> Database:
    found = Database(f"sqlite:///{tmp_path}/deep/registry.db")
    found.migrate()
    return found


def test_migrations_lead_to_the_tables(database: Database) -> None:
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    database.close()


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
    assert found == ["wal", 10_000, 1, 2]
    database.close()


def test_a_database_that_is_gone_is_a_refusal(tmp_path: Path) -> None:
    (tmp_path / "registry.db").mkdir()
    with pytest.raises(StoreUnavailableError):
        Database(f"sqlite:///{tmp_path}/registry.db").migrate()
