"""Deployments and releases in SQL. A release is a compare-and-swap on the current number."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, NoReturn

from sqlalchemy import Connection, Row, Select, and_, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from services.registry.adapters.database import Database
from services.registry.adapters.rows import (
    deployment_of,
    deployment_row,
    release_of,
    release_row,
)
from services.registry.adapters.tables import deployments, keys, releases
from services.registry.adapters.within import within
from services.registry.domain.access import Reach
from services.registry.domain.audit import Entry
from services.registry.domain.deployments import Deployment
from services.registry.domain.errors import NameTakenError, StaleReleaseError
from services.registry.domain.history import Life
from services.registry.domain.paging import Paging, Slice, cut
from services.registry.domain.releases import Release


class SqlDeployments:
    """Implements `ports.DeploymentStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, deployment: Deployment, entry: Entry) -> Deployment:
        """Raises NameTakenError."""
        try:
            with self._database.change() as change:
                made = _numbered(change.connection, deployment)
                row = deployment_row(made, made.current.number)
                inserted = change.connection.execute(insert(deployments).values(**row))
                (deployment_id,) = inserted.inserted_primary_key or (0,)
                first = release_row(made.current, deployment_id)
                change.connection.execute(insert(releases).values(**first))
                change.record(entry)
        except IntegrityError as error:
            raise NameTakenError(f"There is a deployment '{deployment.name}' already.") from error
        return made

    def find(self, name: str) -> Deployment | None:
        """The deployment of that name that lives."""
        with self._database.read() as connection:
            found = _deployments(connection, _live().where(deployments.c.live_name == name))
        return found[0] if found else None

    def page(self, reaches: Sequence[Reach], paging: Paging) -> Slice[Deployment]:
        """By name."""
        query = _live().order_by(deployments.c.name).limit(paging.limit + 1)
        query = query.where(within(reaches, deployments.c.project, deployments.c.live_name))
        if paging.cursor is not None:
            query = query.where(deployments.c.live_name > paging.cursor)
        with self._database.read() as connection:
            found = _deployments(connection, query)
        return cut(found, paging.limit, lambda deployment: deployment.name)

    def release(self, release: Release, entry: Entry) -> None:
        """Raises StaleReleaseError when the current release is not the one before."""
        with self._database.change() as change:
            moved = change.connection.execute(
                update(deployments)
                .where(deployments.c.live_name == release.deployment)
                .where(deployments.c.current == release.number - 1)
                .values(current=release.number)
            )
            if moved.rowcount != 1:
                _raise_stale(release.deployment)
            row = release_row(release, _id_of(change.connection, release.deployment))
            change.connection.execute(insert(releases).values(**row))
            change.record(entry)

    def lives(self, name: str) -> tuple[Life, ...]:
        """The oldest first."""
        columns = [column for column in releases.c if column.name != "id"]
        query = select(*deployments.c, *columns).order_by(deployments.c.id, releases.c.number)
        query = query.join(releases, releases.c.deployment_id == deployments.c.id)
        with self._database.read() as connection:
            rows = connection.execute(query.where(deployments.c.name == name)).all()
        return tuple(_life(name, list(found)) for _, found in groupby(rows, lambda row: row.id))

    def history(self, name: str) -> tuple[Release, ...]:
        """Ascending."""
        query = _releases_of(name).order_by(releases.c.number)
        with self._database.read() as connection:
            return tuple(release_of(row, name) for row in connection.execute(query))

    def releases(self, name: str, paging: Paging) -> Slice[Release]:
        """Newest first."""
        query = _releases_of(name).order_by(releases.c.number.desc()).limit(paging.limit + 1)
        if (after := paging.after_number()) is not None:
            query = query.where(releases.c.number < after)
        with self._database.read() as connection:
            found = [release_of(row, name) for row in connection.execute(query)]
        return cut(found, paging.limit, lambda release: release.number)

    def delete(self, deployment: Deployment, entry: Entry) -> None:
        """Raises StaleReleaseError when it has changed since it was read."""
        with self._database.change() as change:
            gone = change.connection.execute(
                update(deployments)
                .where(deployments.c.live_name == deployment.name)
                .where(deployments.c.current == deployment.current.number)
                .values(live_name=None, deleted_at=entry.at)
            )
            if gone.rowcount != 1:
                _raise_stale(deployment.name)
            # Or they would open the next deployment of that name.
            change.connection.execute(
                update(keys)
                .where(keys.c.deployment == deployment.name, keys.c.revoked_at.is_(None))
                .values(revoked_at=entry.at)
            )
            change.record(entry)


def _raise_stale(name: str) -> NoReturn:
    raise StaleReleaseError(
        f"Somebody else has just changed deployment '{name}'; look at its current release and "
        "decide again."
    )


def _life(name: str, rows: Sequence[Row[Any]]) -> Life:
    made = tuple(release_of(row, name) for row in rows)
    return Life(deployment_of(rows[0], made[-1]), rows[0].deleted_at, made)


def _live() -> Select[Any]:
    current = and_(
        releases.c.deployment_id == deployments.c.id, releases.c.number == deployments.c.current
    )
    columns = (column for column in releases.c if column.name != "id")
    query = select(*deployments.c, *columns).join(releases, current)
    return query.where(deployments.c.live_name.is_not(None))


def _deployments(connection: Connection, query: Select[Any]) -> list[Deployment]:
    return [deployment_of(row, release_of(row, row.name)) for row in connection.execute(query)]


def _releases_of(name: str) -> Select[Any]:
    join = releases.c.deployment_id == deployments.c.id
    return select(releases).join(deployments, join).where(deployments.c.live_name == name)


def _id_of(connection: Connection, name: str) -> int:
    query = select(deployments.c.id).where(deployments.c.live_name == name)
    found: int = connection.execute(query).scalar_one()
    return found


def _numbered(connection: Connection, deployment: Deployment) -> Deployment:
    """Numbers go on where an earlier deployment of the name ended, so none means two releases."""
    last = select(func.max(deployments.c.current)).where(deployments.c.name == deployment.name)
    number = (connection.execute(last).scalar() or 0) + 1
    return replace(deployment, current=replace(deployment.current, number=number))
