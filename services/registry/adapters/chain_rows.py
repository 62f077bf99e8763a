"""Rows of the audit trail, whatever somebody may have written into them.

Whoever can write to the database can put anything into any column of SQLite, and times and texts
into PostgreSQL that no driver turns into values. So columns are read as text of a bounded length
and turned into values here.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    LargeBinary,
    Row,
    Select,
    Text,
    and_,
    case,
    cast,
    func,
    select,
    true,
)

from services.registry.adapters.tables import audit
from services.registry.domain.audit import Entry, Recorded, Unknown, action_of
from services.registry.domain.chain import Link

_AT_ONCE: Final = 100
_LONGEST: Final = 1 << 20
"""Bytes of a column that is read with others. Only details can have more."""
_LONGEST_DETAILS: Final = 64 << 20
"""Several times the longest body that a request may have."""
_DEEPEST_TOLD: Final = 100
"""Levels of details that are told one by one; what is deeper no writer of answers writes."""
_TEXTS: Final = ("actor", "action", "subject", "reason")
_WHY: Final = "This row holds what can be no entry of the trail; see `audit verify`."


def links_of(connection: Connection) -> Iterator[Link]:
    """All of them, ascending, a few at a time."""
    sequence = 0
    query = _selected(connection).order_by(audit.c.sequence)
    for row in connection.execute(query, execution_options={"yield_per": _AT_ONCE}):
        # What has no number stands behind what has one.
        sequence = sequence + 1 if row.sequence is None else row.sequence
        recorded = None if row.sequence is None else _recorded(connection, row)
        yield Link(sequence, _legible(row.hash), recorded)


def entries_of(connection: Connection, query: Select[Any]) -> Iterator[Recorded]:
    """Those of a query of the table; what can't be read in them is left out, and said so."""
    for row in connection.execute(
        query.with_only_columns(*_columns(connection)).where(_numbered(connection))
    ):
        recorded = _recorded(connection, row)
        yield recorded if recorded and _can_be_told(recorded) else _rest_of(row)


def _recorded(connection: Connection, row: Row[Any]) -> Recorded | None:
    try:
        told = row.details if row.details is not None else _long_details(connection, row.sequence)
        actor, action, subject, reason = (_text(getattr(row, name)) for name in _TEXTS)
        details = json.loads(_text(told), object_pairs_hook=_once)
        entry = Entry(_moment(row.at), actor, action_of(action), subject, reason, _members(details))
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None
    return Recorded(row.sequence, entry, _legible(row.hash))


def _rest_of(row: Row[Any]) -> Recorded:
    try:
        at = _moment(row.at)
    except (ValueError, OverflowError):
        at = datetime.fromtimestamp(0, UTC)
    actor, action, subject, _ = (_legible(getattr(row, name)) for name in _TEXTS)
    return Recorded(
        row.sequence, Entry(at, actor, Unknown(action), subject, _WHY), _legible(row.hash)
    )


def _can_be_told(recorded: Recorded) -> bool:
    """Half characters, what is no finite number, and great depth are JSON that no answer has."""
    details = recorded.entry.details
    try:
        json.dumps(details, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return False
    return not _is_deeper(details, _DEEPEST_TOLD)


def _is_deeper(value: object, most: int) -> bool:
    level: list[object] = [value]
    for _ in range(most):
        within = (one.values() if isinstance(one, dict) else one for one in level)
        level = [one for many in within for one in many if isinstance(one, dict | list)]  # type: ignore[attr-defined]
        if not level:
            return False
    return True


def _text(value: bytes | str | None) -> str:
    """Raises ValueError when it is none, or is too long."""
    if value is None:
        raise ValueError
    return value.decode() if isinstance(value, bytes) else value


def _legible(value: bytes | str | None) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value or ""


def _moment(value: bytes | str | None) -> datetime:
    found = datetime.fromisoformat(_text(value))
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _members(details: object) -> Mapping[str, object]:
    if not isinstance(details, dict):
        raise TypeError
    return details


def _once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """A name that stands twice would be read as one thing here and as another elsewhere."""
    found = dict(members)
    if len(found) < len(members):
        raise ValueError
    return found


def _long_details(connection: Connection, sequence: int) -> bytes | str | None:
    details = _bounded(connection, audit.c.details, _LONGEST_DETAILS)
    found: bytes | str | None = connection.execute(
        select(details).where(audit.c.sequence == sequence)
    ).scalar()
    return found


def _selected(connection: Connection) -> Select[Any]:
    return select(*_columns(connection))


def _columns(connection: Connection) -> Iterator[ColumnElement[Any]]:
    yield case((_numbered(connection), audit.c.sequence)).label("sequence")
    for name in (*_TEXTS, "hash", "details"):
        yield _bounded(connection, audit.c[name], _LONGEST).label(name)
    if _is_sqlite(connection):
        yield _bounded(connection, audit.c.at, _LONGEST).label("at")
    else:
        universal = func.timezone("UTC", audit.c.at)
        yield func.to_char(universal, 'YYYY-MM-DD"T"HH24:MI:SS.US').label("at")


def _bounded(connection: Connection, column: ColumnElement[Any], most: int) -> ColumnElement[Any]:
    """NULL when it is longer, or no text."""
    if not _is_sqlite(connection):
        text = cast(column, Text)
        return case((func.octet_length(text) <= most, text))
    # As bytes, because the driver fails at text that is no UTF-8.
    stored = cast(column, LargeBinary)
    return case((and_(func.typeof(column) == "text", func.length(stored) <= most), stored))


def _numbered(connection: Connection) -> ColumnElement[bool]:
    return func.typeof(audit.c.sequence) == "integer" if _is_sqlite(connection) else true()


def _is_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"
