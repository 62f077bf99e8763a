"""Who sent which file of late, in SQL."""

from contextlib import suppress
from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from services.registry.adapters.database import Database
from services.registry.adapters.tables import uploads


class SqlUploads:
    """Implements `ports.UploadStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, digest: str, actor: str, at: datetime, forgotten: datetime) -> None:
        """Move the time, or insert; who inserts the same meanwhile has noted it."""
        one = (uploads.c.digest == digest) & (uploads.c.actor == actor)
        with suppress(IntegrityError), self._database.note() as connection:
            connection.execute(delete(uploads).where(uploads.c.at < forgotten))
            if connection.execute(update(uploads).where(one).values(at=at)).rowcount == 0:
                connection.execute(insert(uploads).values(digest=digest, actor=actor, at=at))

    def noted(self, digest: str, actor: str, since: datetime) -> bool:
        """By the primary key."""
        one = (uploads.c.digest == digest) & (uploads.c.actor == actor) & (uploads.c.at >= since)
        with self._database.read() as connection:
            return connection.execute(select(uploads.c.at).where(one)).first() is not None
