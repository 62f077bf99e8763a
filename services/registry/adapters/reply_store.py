"""Replies in SQL: who inserts the row answers the request."""

from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from services.registry.adapters.database import Database
from services.registry.adapters.tables import replies
from services.registry.domain.replies import Begun


class SqlReplies:
    """Implements `ports.ReplyStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, reply_id: str, begun: Begun, forgotten: datetime) -> Begun | None:
        """Insert, unless it is there."""
        row = {"id": reply_id, "request": begun.request, "created_at": begun.at}
        try:
            with self._database.note() as connection:
                connection.execute(delete(replies).where(replies.c.created_at < forgotten))
                connection.execute(insert(replies).values(**row))
        except IntegrityError:
            return self._find(reply_id) or self.begin(reply_id, begun, forgotten)
        return None

    def take_over(self, reply_id: str, before: Begun, at: datetime) -> bool:
        """Compare and swap on the time."""
        same = (replies.c.id == reply_id) & (replies.c.created_at == before.at)
        with self._database.note() as connection:
            mine = update(replies).where(same, replies.c.status.is_(None))
            return connection.execute(mine.values(created_at=at)).rowcount == 1

    def end(self, reply_id: str, status: int, sealed: bytes) -> None:
        """Keep what was answered."""
        with self._database.note() as connection:
            row = update(replies).where(replies.c.id == reply_id)
            connection.execute(row.values(status=status, sealed=sealed))

    def forget(self, reply_id: str) -> None:
        """As if it had never been asked."""
        with self._database.note() as connection:
            connection.execute(delete(replies).where(replies.c.id == reply_id))

    def _find(self, reply_id: str) -> Begun | None:
        columns = (replies.c.request, replies.c.created_at, replies.c.status, replies.c.sealed)
        with self._database.read() as connection:
            row = connection.execute(select(*columns).where(replies.c.id == reply_id)).first()
        return None if row is None else Begun(row[0], row[1], row[2], row[3])
