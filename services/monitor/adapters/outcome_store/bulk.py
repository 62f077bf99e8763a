"""Many rows at once, straight through the driver: SQLAlchemy's own loops cost more than the rows.

Rows are tuples in the order of the statement's parameters.
"""

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import (
    Connection,
    Dialect,
    Insert,
    Select,
    Table,
    Text,
    bindparam,
    cast,
    column,
    func,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.elements import ColumnElement

_INSERT: Final[dict[str, Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}

Rows = Sequence[tuple[Any, ...]]


def add_rows(connection: Connection, table: Table, rows: Rows) -> None:
    """Rows that are not there yet; one value for each of the table's columns."""
    if rows:
        connection.exec_driver_sql(_insertion(table, connection.dialect), [*rows])


def add_unless_there(connection: Connection, table: Table, rows: Rows) -> int:
    """Rows whose key is not there yet; how many those were."""
    if not rows:
        return 0
    sql = _insertion_of_new(table, connection.dialect)
    return connection.exec_driver_sql(sql, [*rows]).rowcount


def of_ids(connection: Connection, table: Table) -> "Select[Any]":
    """The rows of a deployment's predictions; parameters: see `ids_of`."""
    return _of_ids(table, connection.dialect.name)


def is_among(connection: Connection, named: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a column is one of the ids."""
    wanted = _wanted(connection.dialect.name)
    return named.in_(select(wanted.c.value))


def ids_of(deployment: int, ids: Iterable[str]) -> dict[str, Any]:
    """However many ids, they are one parameter."""
    return {"whose": deployment, "ids": json.dumps([*ids])}


@lru_cache(maxsize=64)
def _of_ids(table: Table, dialect: str) -> "Select[Any]":
    # A join would do the same, but SQLite takes the table for its outer loop.
    among = table.c.id.in_(select(_wanted(dialect).c.value))
    return select(table).where(table.c.deployment == bindparam("whose"), among)


def _wanted(dialect: str) -> Any:
    ids = bindparam("ids", type_=Text)
    if dialect == "sqlite":
        return func.json_each(ids).table_valued(column("value", Text), name="wanted")
    elements = func.jsonb_array_elements_text(cast(ids, JSONB(none_as_null=True)))
    return elements.table_valued(column("value", Text), name="wanted").render_derived()


@lru_cache(maxsize=64)
def _insertion(table: Table, dialect: Dialect) -> str:
    return _text(_INSERT[dialect.name](table), table, dialect)


@lru_cache(maxsize=64)
def _insertion_of_new(table: Table, dialect: Dialect) -> str:
    return _text(_INSERT[dialect.name](table).on_conflict_do_nothing(), table, dialect)


def _text(statement: Insert, table: Table, dialect: Dialect) -> str:
    names = [found.name for found in table.columns]
    return str(statement.compile(dialect=dialect, column_keys=names))
