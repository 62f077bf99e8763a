"""Sessions and failed sign-ins in SQL, so that every replica knows them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, text, update

from services.registry.adapters.database import Database
from services.registry.adapters.people_store import memberships_of, user_of
from services.registry.adapters.tables import attempts, sessions, users
from services.registry.domain.attempts import FORGOTTEN_AFTER, MOST_KEPT, Attempts, Subject, longest
from services.registry.domain.people import Session, SessionHolder

_LOCK = 8_701_870_187_018_702
"""Of counting failures; any number that nobody else locks in this database."""


class SqlSessions:
    """Implements `ports.people.SessionStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, session: Session) -> None:
        """Keep it; drop those that have expired."""
        with self._database.note() as connection:
            connection.execute(delete(sessions).where(sessions.c.expires_at <= session.created_at))
            connection.execute(
                insert(sessions).values(
                    digest=session.digest,
                    user=session.user,
                    csrf=session.csrf,
                    created_at=session.created_at,
                    seen_at=session.seen_at,
                    expires_at=session.expires_at,
                )
            )

    def holder(self, digest: str) -> SessionHolder | None:
        """The session, its user, and what that is in projects."""
        with self._database.read() as connection:
            row = connection.execute(select(sessions).where(sessions.c.digest == digest)).first()
            if row is None:
                return None
            user = connection.execute(select(users).where(users.c.name == row.user)).one()
            return SessionHolder(
                _session_of(row), user_of(user), memberships_of(connection, row.user)
            )

    def seen(self, digest: str, at: datetime) -> None:
        """It was used then."""
        with self._database.note() as connection:
            later = update(sessions).where(sessions.c.digest == digest, sessions.c.seen_at < at)
            connection.execute(later.values(seen_at=at))

    def end(self, digest: str) -> None:
        """It opens nothing any more."""
        with self._database.note() as connection:
            connection.execute(delete(sessions).where(sessions.c.digest == digest))

    def attempt(self, subjects: Sequence[Subject], now: datetime) -> timedelta:
        """Look and count under one lock: those who try at the same time are counted, too."""
        with self._database.note() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            known = _attempts(connection, [subject.id for subject in subjects])
            nothing = Attempts(0, now)
            found = [(one, known.get(one.id, nothing)) for one in subjects]
            wait = longest(each.wait(one, now) for one, each in found)
            if wait:
                return wait
            for one, each in found:
                _keep(connection, one.id, each.failed(now), known=one.id in known)
            _forget(connection, now)
        return wait

    def succeeded(self, own: Sequence[Subject], address: Subject | None) -> None:
        """Forget one's own, and the one of the address."""
        with self._database.note() as connection:
            mine = attempts.c.subject.in_([one.id for one in own])
            connection.execute(delete(attempts).where(mine))
            if address is not None:
                one_less = update(attempts).where(
                    attempts.c.subject == address.id, attempts.c.failures > 0
                )
                connection.execute(one_less.values(failures=attempts.c.failures - 1))


def _attempts(connection: Connection, subjects: Sequence[str]) -> dict[str, Attempts]:
    query = select(attempts).where(attempts.c.subject.in_(subjects))
    rows = connection.execute(query)
    return {row.subject: Attempts(row.failures, row.last_at) for row in rows}


def _keep(connection: Connection, subject: str, kept: Attempts, *, known: bool) -> None:
    values = {"failures": kept.failures, "last_at": kept.last_at}
    if known:
        connection.execute(update(attempts).where(attempts.c.subject == subject).values(**values))
    else:
        connection.execute(insert(attempts).values(subject=subject, **values))


def _forget(connection: Connection, now: datetime) -> None:
    """Those that count no more, and the oldest where somebody has failed in too many names."""
    connection.execute(delete(attempts).where(attempts.c.last_at <= now - FORGOTTEN_AFTER))
    held: int = connection.execute(select(func.count()).select_from(attempts)).scalar_one()
    if held > MOST_KEPT:
        newest = select(attempts.c.last_at).order_by(attempts.c.last_at.desc())
        limit = connection.execute(newest.offset(MOST_KEPT - 1).limit(1)).scalar_one()
        connection.execute(delete(attempts).where(attempts.c.last_at < limit))


def _session_of(row: Row[Any]) -> Session:
    return Session(
        digest=row.digest,
        user=row.user,
        csrf=row.csrf,
        created_at=row.created_at,
        seen_at=row.seen_at,
        expires_at=row.expires_at,
    )
