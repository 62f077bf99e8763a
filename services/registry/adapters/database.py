"""One database, SQLite or another by URL: its connections, its transactions, its migrations."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

import structlog
from sqlalchemy import Connection, Engine, create_engine, event, insert, select, text, update
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from services.registry.adapters import schema
from services.registry.adapters.database_urls import have_file, opened, place_of
from services.registry.adapters.rows import entry_row
from services.registry.adapters.tables import audit, state
from services.registry.domain.audit import Entry, Recorded
from services.registry.domain.chain import Head, linked
from services.registry.domain.errors import DatabaseSilentError
from understudy.runtime.sqlite_files import beginning, prepare
from understudy.runtime.urls import without_passwords

_BUSY_MILLISECONDS: Final = 5_000
"""Less than clients wait, so that they are told why."""
_POOL: Final = {"pool_size": 10, "max_overflow": 40, "pool_timeout": 5.0}
_MIGRATION_LOCK: Final = 8_701_870_187_018_701
"""Any number, as long as nobody else locks the same one in this database."""


class Database:
    """Transactions: readers see one moment, writers come one after the other."""

    def __init__(self, url: str) -> None:
        self._engine = _open(url)
        self._place = place_of(self._engine.url)
        self._listeners: list[Callable[[], None]] = []
        sqlite = self._engine.dialect.name == "sqlite"
        self._writer = self._engine.execution_options(immediate=True)
        self._reader = (
            self._engine
            if sqlite
            else self._engine.execution_options(isolation_level="REPEATABLE READ")
        )

    def _available(self) -> AbstractContextManager[None]:
        return _answering(self._place)

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Call `listener`, in whichever thread committed, after every change."""
        self._listeners.append(listener)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one moment. Raises StoreUnavailableError."""
        with self._available(), self._reader.begin() as connection:
            yield connection

    @contextmanager
    def change(self) -> Iterator["Changing"]:
        """A transaction that is one numbered change, audited. Raises StoreUnavailableError."""
        with self._available(), self._writer.begin() as connection:
            # First of all: the row's lock lets one change at a time through, on every database.
            connection.execute(update(state).values(sequence=state.c.sequence + 1))
            changing = Changing(connection)
            yield changing
            if changing.recorded is None or changing.head is None:
                raise RuntimeError("a change left no audit entry")
        entry, head = changing.recorded, changing.head
        structlog.stdlib.get_logger().info(
            "changed",
            action=entry.action.value,
            subject=entry.subject,
            actor=entry.actor,
            # Logs are kept elsewhere: by them a chain that was written wholly anew is found.
            sequence=head.sequence,
            hash=head.hash,
        )
        for listener in self._listeners:
            listener()

    def migrate(self) -> schema.Migrated:
        """Bring the tables up to date; replicas that start together do it one after the other.

        Raises SchemaAheadError, and changes nothing, when they are newer than this software.
        """
        with self.alone() as connection:
            before = schema.revision(connection)
            schema.upgrade(connection)
            if connection.execute(select(state.c.id)).first() is None:
                connection.execute(
                    insert(state).values(id=1, sequence=beginning_sequence(), configuration={})
                )
        return schema.Migrated(before, schema.HEAD)

    def require_migrated(self) -> None:
        """Raises SchemaBehindError or SchemaAheadError unless the tables are this software's."""
        with self.read() as connection:
            schema.require_head(connection)

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        """A transaction that may change tables: one at a time, whoever else is told to.

        Raises StoreUnavailableError.
        """
        with self._available(), self._writer.begin() as connection:
            if connection.dialect.name == "postgresql":
                lock = text("SELECT pg_advisory_xact_lock(:lock)")
                connection.execute(lock, {"lock": _MIGRATION_LOCK})
            yield connection

    @contextmanager
    def note(self) -> Iterator[Connection]:
        """A transaction that no follower need know of. Raises StoreUnavailableError."""
        with self._available(), self._writer.begin() as connection:
            yield connection

    def verify(self) -> None:
        """Raises StoreUnavailableError when nothing can be written."""
        with self.note() as connection:
            connection.execute(update(state).values(sequence=state.c.sequence))

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()


class Changing:
    """A change under way."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.recorded: Entry | None = None
        self.head: Head | None = None

    def record(self, entry: Entry) -> None:
        """Leave the audit entry, under the change's number."""
        self.head = record(self.connection, entry)
        self.recorded = entry


def record(connection: Connection, entry: Entry) -> Head:
    """Leave an audit entry under the number that the state has, and make it the chain's head."""
    sequence, before = connection.execute(select(state.c.sequence, state.c.chain)).one()
    link = linked(before, Recorded(sequence, entry))
    connection.execute(insert(audit).values(sequence=sequence, hash=link, **entry_row(entry)))
    connection.execute(update(state).values(chain=link))
    return Head(sequence, link)


def _open(url: str) -> Engine:
    with opened():
        # An error's text would hold digests of keys and hashes of passwords.
        engine = create_engine(
            url, pool_pre_ping=not url.startswith("sqlite"), hide_parameters=True, **_POOL
        )
    if engine.dialect.name == "sqlite" and engine.url.database:
        have_file(engine.url.database)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _on_sqlite_connect)
        event.listen(engine, "begin", _on_sqlite_begin)
    return engine


def _on_sqlite_connect(connection: sqlite3.Connection, _record: object) -> None:
    prepare(connection, _BUSY_MILLISECONDS)


def _on_sqlite_begin(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql(beginning(immediate=immediate))


@contextmanager
def _answering(place: str) -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeoutError) as error:
        # Callers are not told why; the log is.
        structlog.stdlib.get_logger().warning("database_unavailable", error=str(error))
        reason = getattr(error, "orig", None) or error
        said = without_passwords(" ".join(str(reason).split()))
        raise DatabaseSilentError(place, said) from error


def beginning_sequence() -> int:
    """Where the sequence of a new database begins.

    Followers compare numbers: a database that was thrown away and filled again must not come to
    the number that they hold, or they would keep the old keys for good.
    """
    return int(time.time())
