"""Keys in SQL: digests, never secrets."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, false, insert, or_, select, true, update

from services.registry.adapters.database import Database
from services.registry.adapters.rows import key_of, key_row
from services.registry.adapters.tables import deployments, keys
from services.registry.domain.access import Key, Reach
from services.registry.domain.audit import Entry
from services.registry.domain.deployments import Deployment
from services.registry.domain.paging import Paging, Slice, cut


class SqlKeys:
    """Implements `ports.KeyStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, key: Key, entry: Entry) -> None:
        """Keep the key."""
        with self._database.change() as change:
            change.connection.execute(insert(keys).values(**key_row(key)))
            change.record(entry)

    def find(self, key_id: str) -> Key | None:
        """The key of that id."""
        with self._database.read() as connection:
            row = connection.execute(select(keys).where(keys.c.id == key_id)).first()
        return None if row is None else key_of(row)

    def page(self, reaches: Sequence[Reach], paging: Paging) -> Slice[Key]:
        """By id."""
        return self._page(reaches, paging, true())

    def opening(
        self, deployment: Deployment, reaches: Sequence[Reach], paging: Paging
    ) -> Slice[Key]:
        """By id."""
        everywhere = and_(keys.c.deployment.is_(None), keys.c.project.is_(None))
        in_project = and_(keys.c.deployment.is_(None), keys.c.project == deployment.project)
        opens = or_(keys.c.deployment == deployment.name, in_project, everywhere)
        return self._page(reaches, paging, opens)

    def issued_by(self, actor: str) -> Sequence[Key]:
        """Those that are not revoked."""
        query = select(keys).where(keys.c.issued_by == actor, keys.c.revoked_at.is_(None))
        with self._database.read() as connection:
            return [key_of(row) for row in connection.execute(query.order_by(keys.c.id))]

    def _page(
        self, reaches: Sequence[Reach], paging: Paging, wanted: ColumnElement[bool]
    ) -> Slice[Key]:
        query = select(keys).order_by(keys.c.id).limit(paging.limit + 1)
        query = query.where(or_(false(), *map(_within, reaches)), wanted)
        if paging.cursor is not None:
            query = query.where(keys.c.id > paging.cursor)
        with self._database.read() as connection:
            found = [key_of(row) for row in connection.execute(query)]
        return cut(found, paging.limit, lambda key: key.id)

    def note_use(self, used: Mapping[str, datetime]) -> None:
        """Later times only."""
        with self._database.note() as connection:
            for key_id, at in used.items():
                before = or_(keys.c.last_used_at.is_(None), keys.c.last_used_at < at)
                one = update(keys).where(keys.c.id == key_id, before)
                connection.execute(one.values(last_used_at=at))

    def revoke(self, key_id: str, entry: Entry) -> None:
        """Revoke it at the entry's time, unless it is."""
        with self._database.change() as change:
            change.connection.execute(
                update(keys)
                .where(keys.c.id == key_id, keys.c.revoked_at.is_(None))
                .values(revoked_at=entry.at)
            )
            change.record(entry)


def _within(reach: Reach) -> ColumnElement[bool]:
    found: list[ColumnElement[bool]] = []
    if reach.deployment is not None:
        found.append(keys.c.deployment == reach.deployment)
    if reach.project is not None:
        within = select(deployments.c.live_name).where(deployments.c.project == reach.project)
        found.append(or_(keys.c.project == reach.project, keys.c.deployment.in_(within)))
    return and_(true(), *found)
