"""Sequence, configuration, trail, and the whole state at one moment, in SQL."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Select, func, select, update

from services.registry.adapters.chain_rows import entries_of, links_of
from services.registry.adapters.database import Database
from services.registry.adapters.fact_rows import comparisons_of, holds_changes, noted_head
from services.registry.adapters.rows import (
    configuration_of,
    configuration_row,
    deployment_of,
    key_of,
    release_of,
    version_of,
)
from services.registry.adapters.tables import audit, deployments, keys, releases, state, versions
from services.registry.adapters.trust_store import decided_types
from services.registry.domain.access import Configuration, Key
from services.registry.domain.audit import UNFOLLOWED, Entry, KeysOf, Recorded, Wanted
from services.registry.domain.paging import Paging, Slice, cut
from services.registry.domain.releases import Release
from services.registry.domain.trust import effective
from services.registry.domain.verifying import Chain
from services.registry.domain.versions import Version
from services.registry.ports import Served, State
from understudy.contracts.vocabulary import VersionState


class SqlState:
    """Implements `ports.StateStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def verify(self) -> None:
        """Raises StoreUnavailableError."""
        self._database.verify()

    def sequence(self) -> int:
        """The number of the last change that followers need know of."""
        with self._database.read() as connection:
            return _sequence(connection)

    def state(self) -> State:
        """Everything that followers need, as one transaction sees it."""
        with self._database.read() as connection:
            return State(
                sequence=_sequence(connection),
                configuration=_configuration(connection),
                keys=_keys(connection),
                deployments=_served(connection),
                versions=_counts(connection),
                trust=decided_types(connection),
                backed_up_at=_backed_up_at(connection),
            )

    def configuration(self) -> Configuration:
        """What the installation was last configured with."""
        with self._database.read() as connection:
            return _configuration(connection)

    def trusted_types(self) -> tuple[str, ...]:
        """What artifacts may hold beyond what skops trusts."""
        with self._database.read() as connection:
            configured = _configuration(connection).trusted_types
            return effective(configured, decided_types(connection))

    def configure(self, configuration: Configuration, entry: Entry) -> bool:
        """Keep the configuration if it is another one."""
        if self.configuration() == configuration:
            return False
        with self._database.change() as change:
            values = configuration_row(configuration)
            change.connection.execute(update(state).values(configuration=values))
            change.record(entry)
        return True

    def trail(self, paging: Paging) -> Slice[Recorded]:
        """Newest first."""
        query = select(audit).order_by(audit.c.sequence.desc()).limit(paging.limit + 1)
        if (after := paging.after_number()) is not None:
            query = query.where(audit.c.sequence < after)
        with self._database.read() as connection:
            found = [*entries_of(connection, query)]
        return cut(found, paging.limit, lambda recorded: recorded.sequence)

    def entries(self, wanted: Wanted) -> tuple[Recorded, ...]:
        """Oldest first."""
        query = select(audit).order_by(audit.c.sequence.desc()).limit(wanted.most)
        with self._database.read() as connection:
            newest = [*entries_of(connection, query.where(*_wanted(wanted)))]
        return tuple(reversed(newest))

    def count(self, wanted: Wanted) -> int:
        """How many there are, beyond `most` too."""
        query = select(func.count()).select_from(audit).where(*_wanted(wanted))
        with self._database.read() as connection:
            counted: int = connection.execute(query).scalar_one()
        return counted

    @contextmanager
    def chain(self) -> Iterator[Chain]:
        """The trail as one transaction sees it, to be walked within."""
        with self._database.read() as connection:
            yield Chain(
                noted_head(connection),
                links_of(connection),
                comparisons_of(connection),
                holds_changes(connection),
            )


def _wanted(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    of = audit.c
    yield of.action.in_([action.value for action in wanted.actions])
    if wanted.subjects is not None:
        yield of.subject.in_(wanted.subjects)
    if wanted.within is not None:
        yield of.subject.startswith(wanted.within, autoescape=True)
    if wanted.keys is not None:
        yield of.subject.in_(_keys_of(wanted.keys))
    if wanted.since is not None:
        yield of.at >= wanted.since
    if wanted.until is not None:
        yield of.at < wanted.until


def _keys_of(wanted: KeysOf) -> Select[tuple[str]]:
    of = keys.c
    found = select(of.id).where(of.deployment == wanted.deployment, of.created_at >= wanted.since)
    return found if wanted.until is None else found.where(of.created_at < wanted.until)


def _sequence(connection: Connection) -> int:
    # Of the trail, so that all replicas come to the same.
    of = audit.c
    followed = select(of.sequence).where(of.action.not_in([one.value for one in UNFOLLOWED]))
    newest = followed.order_by(of.sequence.desc()).limit(1).scalar_subquery()
    query = select(func.coalesce(newest, state.c.sequence))
    sequence: int = connection.execute(query).scalar_one()
    return sequence


def _configuration(connection: Connection) -> Configuration:
    return configuration_of(connection.execute(select(state.c.configuration)).scalar_one())


def _backed_up_at(connection: Connection) -> datetime | None:
    found: datetime | None = connection.execute(select(state.c.backed_up_at)).scalar_one()
    return found


def _counts(connection: Connection) -> dict[VersionState, int]:
    query = select(versions.c.state, func.count()).group_by(versions.c.state)
    return {VersionState(name): count for name, count in connection.execute(query)}


def _keys(connection: Connection) -> tuple[Key, ...]:
    query = select(keys).where(keys.c.revoked_at.is_(None)).order_by(keys.c.id)
    return tuple(key_of(row) for row in connection.execute(query))


def _served(connection: Connection) -> tuple[Served, ...]:
    live = select(deployments).where(deployments.c.live_name.is_not(None))
    found = connection.execute(live.order_by(deployments.c.name)).all()
    named = _versions(connection)
    histories = _histories(connection)
    return tuple(
        Served(
            deployment_of(row, histories[row.id][-1]), tuple(histories[row.id]), named[row.model]
        )
        for row in found
    )


def _histories(connection: Connection) -> dict[int, list[Release]]:
    query = (
        select(releases, deployments.c.live_name)
        .join(deployments, deployments.c.id == releases.c.deployment_id)
        .where(deployments.c.live_name.is_not(None))
        .order_by(releases.c.number)
    )
    found: dict[int, list[Release]] = defaultdict(list)
    for row in connection.execute(query):
        found[row.deployment_id].append(release_of(row, row.live_name))
    return found


def _versions(connection: Connection) -> dict[str, dict[int, Version]]:
    """Of models that are deployed."""
    live = select(deployments.c.model).where(deployments.c.live_name.is_not(None))
    query = select(versions).where(versions.c.model.in_(live))
    found: dict[str, dict[int, Version]] = defaultdict(dict)
    for row in connection.execute(query):
        found[row.model][row.number] = version_of(row)
    return found
