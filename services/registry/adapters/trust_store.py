"""Trust in types, in SQL."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from services.registry.adapters.database import Database
from services.registry.adapters.tables import trust
from services.registry.domain.audit import Entry
from services.registry.domain.paging import Paging, Slice, cut
from services.registry.domain.trust import Asked
from understudy.contracts.vocabulary import TrustState


class SqlTrust:
    """Implements `ports.trust.TrustStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ask(self, asked: Sequence[Asked], most_open: int, entry: Entry) -> bool:
        """Note those that are not there yet, unless too many are open."""
        with self._database.read() as connection:
            new = _unknown(connection, asked)
            if not new:
                return True
            if _open(connection) + len(new) > most_open:
                return False
        try:
            with self._database.change() as change:
                # Once more: changes come one by one, and another one may have asked meanwhile.
                new = _unknown(change.connection, asked)
                _require(bool(new) and _open(change.connection) + len(new) <= most_open)
                change.connection.execute(insert(trust), [_row(one) for one in new])
                change.record(_naming(entry, new))
        except _NothingToNoteError:
            return not new
        return True

    def decide(self, before: Asked | None, after: Asked, entry: Entry) -> bool:
        """Keep the decision if nothing happened since `before`."""
        try:
            with self._database.change() as change:
                connection = change.connection
                _require(_find(connection, after.type) == before)
                if before is None:
                    connection.execute(insert(trust).values(**_row(after)))
                else:
                    same = update(trust).where(trust.c.type == after.type)
                    connection.execute(same.values(**_row(after)))
                change.record(entry)
        except _NothingToNoteError:
            return False
        return True

    def find(self, name: str) -> Asked | None:
        """A type that was asked for."""
        with self._database.read() as connection:
            return _find(connection, name)

    def page(self, state: TrustState | None, paging: Paging) -> Slice[Asked]:
        """By name."""
        query = select(trust).order_by(trust.c.type).limit(paging.limit + 1)
        if state is not None:
            query = query.where(trust.c.state == state.value)
        if paging.cursor is not None:
            query = query.where(trust.c.type > paging.cursor)
        with self._database.read() as connection:
            found = [_asked_of(row) for row in connection.execute(query)]
        return cut(found, paging.limit, lambda one: one.type)

    def decided(self) -> Mapping[str, TrustState]:
        """All that are trusted or denied."""
        with self._database.read() as connection:
            return decided_types(connection)


class _NothingToNoteError(Exception):
    """Leaves the transaction as if it had not begun."""


def _require(there: bool) -> None:
    if not there:
        raise _NothingToNoteError


def decided_types(connection: Connection) -> dict[str, TrustState]:
    """All that are trusted or denied."""
    query = select(trust.c.type, trust.c.state).where(trust.c.state != TrustState.ASKED.value)
    return {name: TrustState(state) for name, state in connection.execute(query)}


def _unknown(connection: Connection, asked: Sequence[Asked]) -> list[Asked]:
    named = [one.type for one in asked]
    known = {*connection.execute(select(trust.c.type).where(trust.c.type.in_(named))).scalars()}
    return [one for one in asked if one.type not in known]


def _open(connection: Connection) -> int:
    query = select(func.count()).where(trust.c.state == TrustState.ASKED.value)
    count: int = connection.execute(query).scalar_one()
    return count


def _naming(entry: Entry, new: Sequence[Asked]) -> Entry:
    details = {**entry.details, "types": [one.type for one in new]}
    return Entry(entry.at, entry.actor, entry.action, entry.subject, entry.reason, details)


def _find(connection: Connection, name: str) -> Asked | None:
    row = connection.execute(select(trust).where(trust.c.type == name)).first()
    return None if row is None else _asked_of(row)


def _row(asked: Asked) -> dict[str, Any]:
    return {**asdict(asked), "state": asked.state.value}


def _asked_of(row: Row[Any]) -> Asked:
    return Asked(
        type=row.type,
        state=TrustState(row.state),
        asked_at=row.asked_at,
        asked_by=row.asked_by,
        model=row.model,
        decided_at=row.decided_at,
        decided_by=row.decided_by,
        reason=row.reason,
    )
