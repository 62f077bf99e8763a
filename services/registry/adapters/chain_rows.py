"""Rows of the audit trail as links of its chain, whatever somebody may have written into them."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, Text, cast, select, type_coerce

from services.registry.adapters.tables import audit
from services.registry.domain.audit import Entry, Recorded, action_of
from services.registry.domain.chain import Link

_AT_ONCE: Final = 500
# As text, so that what can't be read is found here, and not on the way through the driver.
_COLUMNS: Final = (
    audit.c.sequence,
    audit.c.actor,
    audit.c.action,
    audit.c.subject,
    audit.c.reason,
    audit.c.hash,
    type_coerce(audit.c.at, Text).label("at"),
    cast(audit.c.details, Text).label("details"),
)


def links_of(connection: Connection) -> Iterator[Link]:
    """All of them, ascending, a few at a time."""
    query = select(*_COLUMNS).order_by(audit.c.sequence)
    for row in connection.execute(query, execution_options={"yield_per": _AT_ONCE}):
        yield Link(row.sequence, str(row.hash), _recorded(row))


def _recorded(row: Row[Any]) -> Recorded | None:
    try:
        at, details = _moment(row.at), json.loads(row.details)
        entry = Entry(at, row.actor, action_of(row.action), row.subject, row.reason, dict(details))
    except (ValueError, TypeError):
        return None
    return Recorded(row.sequence, entry, str(row.hash))


def _moment(value: datetime | str) -> datetime:
    """PostgreSQL gives what it knows is a time; SQLite gives text."""
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    return found if found.tzinfo else found.replace(tzinfo=UTC)
