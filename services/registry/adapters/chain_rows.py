"""Rows of the audit trail, whatever somebody may have written into them."""

import json
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, select

from services.registry.adapters.raw_columns import (
    UNREADABLE,
    Raw,
    bounded,
    json_of,
    legible,
    moment,
    moment_of,
    number,
    numbered,
    ordered,
    text_of,
)
from services.registry.adapters.tables import audit
from services.registry.domain.audit import Action, Entry, Recorded, Unknown, action_of
from services.registry.domain.chain import Link

_AT_ONCE: Final = 100
_LONGEST_DETAILS: Final = 64 << 20
"""Bytes; several times the longest body that a request may have. Long ones are read singly."""
_DEEPEST_TOLD: Final = 100
"""Levels of details that are told one by one; what is deeper no writer of answers writes."""
_TEXTS: Final = ("actor", "action", "subject", "reason")
_WHY: Final = "This row holds what can be no entry of the trail; see `audit verify`."


def links_of(connection: Connection) -> Iterator[Link]:
    """All of them, ascending, a few at a time."""
    sequence = 0
    for row in _streamed(connection, _selected(connection).order_by(audit.c.sequence)):
        # What has no number stands behind what has one.
        sequence = sequence + 1 if row.sequence is None else row.sequence
        recorded = None if row.sequence is None else _recorded(connection, row)
        yield Link(sequence, legible(row.hash), recorded)


def by_subject(
    connection: Connection, actions: Collection[Action]
) -> Iterator[tuple[str, int, Recorded | None]]:
    """Subjects and numbers of such entries, in that order; None is what can be no entry."""
    query = _selected(connection).where(
        audit.c.action.in_([one.value for one in actions]), numbered(connection, audit.c.sequence)
    )
    query = query.order_by(ordered(connection, audit.c.subject), audit.c.sequence)
    for row in _streamed(connection, query):
        yield legible(row.subject), row.sequence, _recorded(connection, row)


def entries_of(connection: Connection, query: Select[Any]) -> Iterator[Recorded]:
    """Those of a query of the table; what can't be read in them is left out, and said so."""
    query = query.with_only_columns(*_columns(connection))
    for row in connection.execute(query.where(numbered(connection, audit.c.sequence))):
        recorded = _recorded(connection, row)
        yield recorded if recorded and _can_be_told(recorded) else _rest_of(row)


def _recorded(connection: Connection, row: Row[Any]) -> Recorded | None:
    try:
        told = row.details if row.details is not None else _long_details(connection, row.sequence)
        actor, action, subject, reason = (text_of(getattr(row, name)) for name in _TEXTS)
        details = _members(json_of(told))
        entry = Entry(moment_of(row.at), actor, action_of(action), subject, reason, details)
    except UNREADABLE:
        return None
    return Recorded(row.sequence, entry, legible(row.hash))


def _rest_of(row: Row[Any]) -> Recorded:
    try:
        at = moment_of(row.at)
    except (ValueError, OverflowError):
        at = datetime.fromtimestamp(0, UTC)
    actor, action, subject, _ = (legible(getattr(row, name)) for name in _TEXTS)
    return Recorded(
        row.sequence, Entry(at, actor, Unknown(action), subject, _WHY), legible(row.hash)
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
        level = [one for many in level for one in _within(many)]
        if not level:
            return False
    return True


def _within(value: object) -> Collection[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _members(details: object) -> Mapping[str, object]:
    if not isinstance(details, dict):
        raise TypeError
    return details


def _long_details(connection: Connection, sequence: int) -> Raw:
    details = bounded(connection, audit.c.details, _LONGEST_DETAILS)
    found: Raw = connection.execute(select(details).where(audit.c.sequence == sequence)).scalar()
    return found


def _streamed(connection: Connection, query: Select[Any]) -> Iterator[Row[Any]]:
    yield from connection.execute(query, execution_options={"yield_per": _AT_ONCE})


def _selected(connection: Connection) -> Select[Any]:
    return select(*_columns(connection))


def _columns(connection: Connection) -> Iterator[ColumnElement[Any]]:
    yield number(connection, audit.c.sequence).label("sequence")
    for name in (*_TEXTS, "hash", "details"):
        yield bounded(connection, audit.c[name]).label(name)
    yield moment(connection, audit.c.at).label("at")
