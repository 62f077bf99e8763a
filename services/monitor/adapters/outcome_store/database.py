"""Connections and transactions. Writers of one deployment come one after the other."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, create_engine, event, inspect, select, text
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from services.monitor.adapters.outcome_store.identity import have_identity
from services.monitor.adapters.outcome_store.tables import SCHEMA, schema, tables
from services.monitor.domain.errors import OutcomesUnavailableError, UnknownOutcomesError
from understudy.runtime.sqlite_files import beginning, claim, prepare

_BUSY_MILLISECONDS: Final = 30_000
_LONGEST: Final = "SET LOCAL lock_timeout = '30s'; SET LOCAL statement_timeout = '300s'"
_POOL: Final = {"pool_size": 8, "max_overflow": 24, "pool_timeout": 30.0}
_POSTGRES: Final = {"connect_timeout": 10, "tcp_user_timeout": 30_000}
_REMEDY: Final = (
    "Look at UNDERSTUDY_MONITOR_OUTCOMES_URL, whether its folder can be written to, and whether "
    "the database's driver is installed."
)
_CREATION_LOCK: Final = 8_702_870_287_028_702
"""Any number, as long as nobody else locks the same one in this database."""


class Database:
    """One database. The tables are created when they are first needed.

    Positions move on in Redis right after a commit here: what a power failure took from a file, the
    log would not bring back.
    """

    def __init__(self, url: str) -> None:
        self._engine = _open(url)
        self._sqlite = self._engine.dialect.name == "sqlite"
        self._writer = self._engine.execution_options(immediate=True)
        self._reader = (
            self._engine
            if self._sqlite
            else self._engine.execution_options(isolation_level="REPEATABLE READ")
        )
        # SQLite has one writer at a time; threads of one process queue here rather than at the
        # file, where who waits longest may wait for ever.
        self._one_writer = threading.Lock() if self._sqlite else None
        self._preparing = threading.Lock()
        self._prepared = False
        self._id = ""

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one moment. Raises OutcomesUnavailableError."""
        self._prepare()
        with _available(), self._reader.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is applied as a whole, or not. Raises OutcomesUnavailableError."""
        self._prepare()
        with _available(), self._turn(), self._writer.begin() as connection:
            self._limit(connection)
            yield connection

    def verify(self) -> None:
        """See that it can be used, as far as that is known without another machine.

        Raises OutcomesUnavailableError, UnknownOutcomesError.
        """
        if not self._sqlite:
            return
        try:
            self._prepare()
        except OutcomesUnavailableError as error:
            raise OutcomesUnavailableError(f"{error} {_REMEDY}") from error

    def identity(self) -> str:
        """The store's id. Raises OutcomesUnavailableError."""
        self._prepare()
        return self._id

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()

    def _prepare(self) -> None:
        with self._preparing:
            if not self._prepared:
                with _available(), self._turn(), self._writer.begin() as connection:
                    self._create(connection)
                self._prepared = True

    def _create(self, connection: Connection) -> None:
        """What is there already stays; processes that start together do it in turn."""
        if not self._sqlite:
            lock = text("SELECT pg_advisory_xact_lock(:lock)")
            connection.execute(lock, {"lock": _CREATION_LOCK})
        if not inspect(connection).has_table(schema.name):
            tables.create_all(connection)
            connection.execute(schema.insert().values(version=SCHEMA))
        found = connection.execute(select(schema.c.version)).scalar_one()
        if found != SCHEMA:
            raise UnknownOutcomesError(
                f"The outcome store has schema {found}; this monitor knows {SCHEMA}. "
                "Run the Understudy that made it, or give it an empty database."
            )
        self._id = have_identity(connection)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if self._one_writer is None:
            yield
            return
        if not self._one_writer.acquire(timeout=_BUSY_MILLISECONDS / 1000):
            raise OutcomesUnavailableError("The outcome store is busy.", retry_after=1.0)
        try:
            yield
        finally:
            self._one_writer.release()

    def _limit(self, connection: Connection) -> None:
        if not self._sqlite:
            for statement in _LONGEST.split("; "):
                connection.exec_driver_sql(statement)


def _open(url: str) -> Engine:
    sqlite = url.startswith("sqlite")
    try:
        # Parameters are people's answers and labels: no error text may hold them.
        engine = create_engine(
            url,
            hide_parameters=True,
            paramstyle="qmark" if sqlite else "format",
            pool_pre_ping=not sqlite,
            connect_args={} if sqlite else _POSTGRES,
            **_POOL,
        )
        if sqlite and engine.url.database:
            Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
            claim(engine.url.database)
    except (ArgumentError, ImportError, OSError) as error:
        raise OutcomesUnavailableError(f"The outcome store can't be opened. {_REMEDY}") from error
    if sqlite:
        event.listen(engine, "connect", _on_sqlite_connect)
        event.listen(engine, "begin", _on_sqlite_begin)
    return engine


def _on_sqlite_connect(connection: sqlite3.Connection, _record: object) -> None:
    prepare(connection, _BUSY_MILLISECONDS)


def _on_sqlite_begin(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql(beginning(immediate=immediate))


@contextmanager
def _available() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeoutError) as error:
        raise OutcomesUnavailableError(
            f"The outcome store does not answer: {_kind(error)}.", retry_after=1.0
        ) from error
    except DBAPIError as error:
        # Databases like to quote what they could not take.
        raise OutcomesUnavailableError(
            f"The outcome store refused: {_kind(error)}.", retry_after=1.0
        ) from None


def _kind(error: Exception) -> str:
    original = getattr(error, "orig", None) or error
    code = getattr(original, "sqlite_errorname", None) or getattr(original, "sqlstate", None)
    return f"{type(original).__name__} {code or ''}".rstrip()
