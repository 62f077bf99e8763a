"""All tables as a whole: read in one transaction, replaced in one."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, Table, func, inspect, select, text, union, update

from services.registry.adapters import schema
from services.registry.adapters.database import Database, beginning_sequence, record
from services.registry.adapters.table_lines import insert_lines, lines_of
from services.registry.adapters.tables import (
    attempts,
    deployments,
    followers,
    keys,
    metadata,
    projects,
    releases,
    replies,
    reviews,
    sessions,
    state,
    uploads,
    versions,
)
from services.registry.domain.audit import Entry
from services.registry.domain.backups import (
    BackupTooNewError,
    Manifest,
    RegistryNotEmptyError,
)
from services.registry.domain.chain import BEGINNING, Head

_NAMING: Final = (
    versions.c.artifact,
    versions.c.reference,
    versions.c.evaluation,
    versions.c.compiled,
    versions.c.baseline,
    versions.c.converted_from,
    versions.c.attestation,
    reviews.c.file,
)
_PASSING: Final = (followers, sessions, attempts, replies, uploads)
"""Followers say again what they say, people sign in again, and the rest is soon over."""
_NUMBERED: Final = (deployments, releases)
"""Tables whose ids the database gives out."""


def kept_tables() -> list[Table]:
    """All but what passes by itself; those that are referred to first."""
    return [table for table in metadata.sorted_tables if table not in _PASSING]


class SqlMoment:
    """Implements `ports.backups.Moment`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.revision = schema.HEAD
        self.sequence, chain = connection.execute(select(state.c.sequence, state.c.chain)).one()
        self.head = None if chain == BEGINNING else Head(self.sequence, chain)

    def tables(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Names and lines."""
        for table in kept_tables():
            yield str(table.name), lines_of(self._connection, table)

    def digests(self) -> list[str]:
        """Of all artifacts that a version or a review names."""
        named = union(*(select(column).where(column.is_not(None)) for column in _NAMING))
        return sorted(self._connection.execute(named).scalars())


class SqlTables:
    """Implements `ports.backups.TableStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def moment(self) -> Iterator[SqlMoment]:
        """A transaction to read in."""
        with self._database.read() as connection:
            schema.require_head(connection)
            yield SqlMoment(connection)

    def check(self, revision: str, *, empty: bool) -> None:
        """Whether `replace` may go on."""
        with self._database.read() as connection:
            _check(connection, revision, empty=empty)

    def replace(
        self,
        manifest: Manifest,
        tables: Iterable[Iterable[bytes]],
        entry: Entry,
        *,
        empty: bool,
    ) -> None:
        """In one transaction, with all that belongs to it."""
        with self._database.alone() as connection:
            _check(connection, manifest.revision, empty=empty)
            before = _state(connection)
            _drop(connection)
            schema.upgrade(connection, manifest.revision)
            for lines in tables:
                insert_lines(connection, lines)
            schema.upgrade(connection)
            _number_on(connection)
            sequence = max(manifest.sequence, before[0], beginning_sequence()) + 1
            moved = {"sequence": sequence, "configuration": before[1]}
            connection.execute(update(state).values(**moved, backed_up_at=manifest.made_at))
            record(connection, entry)

    def backed_up(self, at: datetime, entry: Entry) -> None:
        """Keep the time of the last backup."""
        with self._database.change() as change:
            change.connection.execute(update(state).values(backed_up_at=at))
            change.record(entry)


def _check(connection: Connection, revision: str, *, empty: bool) -> None:
    if revision not in schema.REVISIONS:
        raise BackupTooNewError(
            f"The backup's tables are of revision {revision}, and this software knows them up to "
            f"{schema.HEAD}: restore it with the release that made it, or a newer one."
        )
    schema.require_not_ahead(connection)
    if empty and _holds_something(connection):
        raise RegistryNotEmptyError(
            "There are projects or keys in this registry, and a restore replaces everything. "
            "Restore into an empty database, or allow it with --force."
        )


def _holds_something(connection: Connection) -> bool:
    there = set(inspect(connection).get_table_names())
    filled = (select(table).limit(1) for table in (projects, keys) if table.name in there)
    return any(connection.execute(query).first() is not None for query in filled)


def _state(connection: Connection) -> tuple[int, object]:
    """Sequence and configuration; settings are this installation's own, not the backup's."""
    if schema.revision(connection) is None:
        return 0, {}
    found = connection.execute(select(state.c.sequence, state.c.configuration)).first()
    return (0, {}) if found is None else (found.sequence, found.configuration)


def _drop(connection: Connection) -> None:
    metadata.drop_all(connection)
    connection.execute(text("DROP TABLE IF EXISTS alembic_version"))


def _number_on(connection: Connection) -> None:
    """PostgreSQL gives ids out by a counter that knows nothing of rows that came with theirs."""
    if connection.dialect.name != "postgresql":
        return
    for table in _NUMBERED:
        highest = connection.execute(select(func.max(table.c.id))).scalar_one()
        if highest is not None:
            counter = func.pg_get_serial_sequence(table.name, "id")
            connection.execute(select(func.setval(counter, highest)))
