"""Gates of projects in SQL."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select
from sqlalchemy.exc import IntegrityError

from services.registry.adapters.database import Database
from services.registry.adapters.tables import answers, gates, reviews
from services.registry.domain.audit import Entry
from services.registry.domain.gate import Basis, Written
from services.registry.domain.gate_refusals import (
    AnswersChangedError,
    GateChangedError,
    ReviewChangedError,
)
from services.registry.domain.gate_texts import document_of, policy_of
from services.registry.domain.paging import Paging, Slice, cut
from services.registry.domain.versions import Version


class SqlGates:
    """Implements `ports.gates.GateStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, written: Written, entry: Entry) -> None:
        """Raises GateChangedError when somebody else was faster."""
        row = {
            "project": written.project,
            "number": written.number,
            "policy": document_of(written.policy),
            "text": written.text,
            "at": written.at,
            "by": written.by,
            "reason": written.reason,
        }
        try:
            with self._database.change() as change:
                if _last(change.connection, written.project) != written.number - 1:
                    raise GateChangedError(written.project)
                change.connection.execute(insert(gates).values(**row))
                change.record(entry)
        except IntegrityError as error:
            raise GateChangedError(written.project) from error

    def current(self, project: str) -> Written | None:
        """The one that holds."""
        query = select(gates).where(gates.c.project == project)
        with self._database.read() as connection:
            row = connection.execute(query.order_by(gates.c.number.desc()).limit(1)).first()
        return None if row is None else _written(row)

    def versions(self, project: str, paging: Paging) -> Slice[Written]:
        """Newest first."""
        query = select(gates).where(gates.c.project == project)
        query = query.order_by(gates.c.number.desc()).limit(paging.limit + 1)
        if (after := paging.after_number()) is not None:
            query = query.where(gates.c.number < after)
        with self._database.read() as connection:
            found = [_written(row) for row in connection.execute(query)]
        return cut(found, paging.limit, lambda written: written.number)


def require_basis(connection: Connection, version: Version, basis: Basis) -> None:
    """In the transaction that decides.

    Raises GateChangedError, ReviewChangedError or AnswersChangedError.
    """
    if _last(connection, basis.project) != basis.policy:
        raise GateChangedError(basis.project)
    if basis.review is not None and _newest(connection, version) != basis.review:
        raise ReviewChangedError(version.title)
    if basis.asked and _answered_at(connection, version) != basis.answered_at:
        raise AnswersChangedError(version.title)


def _newest(connection: Connection, version: Version) -> int:
    of = reviews.c
    newest = (
        select(func.max(of.number))
        .where(of.model == version.draft.model)
        .where(of.version == version.number)
        .where(of.file.is_not(None))
    )
    return connection.execute(newest).scalar() or 0


def _answered_at(connection: Connection, version: Version) -> datetime | None:
    of = answers.c
    query = select(of.at).where(of.model == version.draft.model, of.version == version.number)
    return connection.execute(query).scalar()


def _last(connection: Connection, project: str) -> int:
    query = select(func.max(gates.c.number)).where(gates.c.project == project)
    return connection.execute(query).scalar() or 0


def _written(row: Row[Any]) -> Written:
    return Written(
        project=row.project,
        number=row.number,
        policy=policy_of(row.policy),
        text=row.text,
        at=row.at,
        by=row.by,
        reason=row.reason,
    )
