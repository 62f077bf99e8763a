"""Rows of any table as lines of JSON, the same from and to every database."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from services.registry.adapters.tables import UtcDateTime
from services.registry.domain.backups import BackupUnusableError

_AT_ONCE: Final = 500


class Kind(StrEnum):
    """What a column holds."""

    TEXT = "text"
    INTEGER = "integer"
    REAL = "real"
    BOOLEAN = "boolean"
    TIME = "time"
    JSON = "json"


_TYPES: Final[dict[Kind, Any]] = {
    Kind.TEXT: sa.Text(),
    Kind.INTEGER: sa.BigInteger(),
    Kind.REAL: sa.Float(),
    Kind.BOOLEAN: sa.Boolean(),
    Kind.TIME: UtcDateTime(),
    Kind.JSON: sa.JSON(none_as_null=True),
}
_KINDS: Final[dict[type[Any], Kind]] = {
    UtcDateTime: Kind.TIME,
    sa.JSON: Kind.JSON,
    sa.Integer: Kind.INTEGER,
    sa.Float: Kind.REAL,
    sa.Boolean: Kind.BOOLEAN,
    sa.String: Kind.TEXT,
}


class Header(msgspec.Struct, frozen=True):
    """The first line: what follows are rows of that table, with those columns."""

    table: str
    columns: list[tuple[str, Kind]]


def lines_of(connection: sa.Connection, table: sa.Table) -> Iterator[bytes]:
    """The header and all rows, by primary key, a few at a time."""
    columns = [(str(column.name), _kind(column)) for column in table.columns]
    yield msgspec.json.encode(Header(str(table.name), columns)) + b"\n"
    query = sa.select(table).order_by(*table.primary_key.columns)
    for row in connection.execute(query, execution_options={"yield_per": _AT_ONCE}):
        # Times become text as ISO 8601 in UTC; JSON numbers keep every digit.
        yield msgspec.json.encode(list(row)) + b"\n"


def insert_lines(connection: sa.Connection, lines: Iterable[bytes]) -> None:
    """Insert the rows into the table that the first line names. Raises BackupUnusableError."""
    rest = iter(lines)
    try:
        header = msgspec.json.decode(next(rest, b""), type=Header)
        table = sa.table(
            header.table, *(sa.column(name, _TYPES[kind]) for name, kind in header.columns)
        )
        while batch := [_row(header, line) for line in islice(rest, _AT_ONCE)]:
            connection.execute(sa.insert(table), batch)
    except (msgspec.MsgspecError, ValueError) as error:
        raise BackupUnusableError(f"A file holds what is no row of its table: {error}") from error


def _row(header: Header, line: bytes) -> dict[str, Any]:
    values = msgspec.json.decode(line)
    return {
        name: datetime.fromisoformat(value) if kind is Kind.TIME and value else value
        for (name, kind), value in zip(header.columns, values, strict=True)
    }


def _kind(column: "sa.Column[Any]") -> Kind:
    return next(kind for known, kind in _KINDS.items() if isinstance(column.type, known))
