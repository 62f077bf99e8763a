"""Columns as text of a bounded length, whatever somebody may have written into them.

Whoever can write to the database can put anything into any column of SQLite, and times into
PostgreSQL that no driver turns into values. So they are turned into values here.
"""

import json
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    LargeBinary,
    Text,
    and_,
    case,
    cast,
    collate,
    func,
    true,
)

LONGEST: Final = 1 << 20
"""Bytes of a column that is read with others."""

Raw = bytes | str | None
UNREADABLE: Final = (ValueError, TypeError, OverflowError, RecursionError)
"""What reading may end in."""


def bounded(
    connection: Connection, column: ColumnElement[Any], most: int = LONGEST
) -> ColumnElement[Any]:
    """NULL when it is longer, or no text."""
    if not is_sqlite(connection):
        text = cast(column, Text)
        return case((func.octet_length(text) <= most, text))
    # As bytes, because the driver fails at text that is no UTF-8.
    stored = cast(column, LargeBinary)
    return case((and_(func.typeof(column) == "text", func.length(stored) <= most), stored))


def moment(connection: Connection, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A time as text."""
    if is_sqlite(connection):
        return bounded(connection, column)
    return func.to_char(func.timezone("UTC", column), 'YYYY-MM-DD"T"HH24:MI:SS.US')


def numbered(connection: Connection, column: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether it is an integer."""
    return func.typeof(column) == "integer" if is_sqlite(connection) else true()


def number(connection: Connection, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """NULL when it is no integer."""
    return case((numbered(connection, column), column))


def ordered(connection: Connection, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """In the order in which Python has texts, which that of their bytes is."""
    return column if is_sqlite(connection) else collate(column, "C")


def is_sqlite(connection: Connection) -> bool:
    """Whether types are what each row says."""
    return connection.dialect.name == "sqlite"


def text_of(value: Raw) -> str:
    """Raises ValueError when it is none, or is too long."""
    if value is None:
        raise ValueError
    return value.decode() if isinstance(value, bytes) else value


def legible(value: Raw) -> str:
    """As much of it as can be read."""
    return value.decode(errors="replace") if isinstance(value, bytes) else value or ""


def moment_of(value: Raw) -> datetime:
    """In UTC. Raises ValueError or OverflowError."""
    found = datetime.fromisoformat(text_of(value))
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def json_of(value: Raw) -> Any:
    """Raises what is `UNREADABLE`, also when a name stands twice."""
    return json.loads(text_of(value), object_pairs_hook=_once)


def _once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """A name that stands twice would be read as one thing here and as another elsewhere."""
    found = dict(members)
    if len(found) < len(members):
        raise ValueError
    return found
