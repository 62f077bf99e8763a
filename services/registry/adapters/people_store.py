"""Users and members in SQL."""

from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from services.registry.adapters.database import Database
from services.registry.adapters.tables import attempts, members, sessions, users
from services.registry.domain.attempts import name_subject
from services.registry.domain.audit import Entry
from services.registry.domain.errors import NameTakenError, NotFoundError
from services.registry.domain.paging import Paging, Slice, cut
from services.registry.domain.people import Membership, User, UserChange
from services.registry.domain.people_refusals import (
    AdministratorExistsError,
    IdentityTakenError,
    LastAdministratorError,
)
from understudy.contracts.vocabulary import MemberRole


class SqlPeople:
    """Implements `ports.people.PeopleStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, user: User, entry: Entry) -> None:
        """Raises NameTakenError or IdentityTakenError."""
        self._add(user, entry, first=False)

    def add_first(self, user: User, entry: Entry) -> None:
        """Raises AdministratorExistsError, or NameTakenError."""
        self._add(user, entry, first=True)

    def find(self, name: str) -> User | None:
        """The user of that name."""
        with self._database.read() as connection:
            return _find(connection, name)

    def of_identity(self, identity: str) -> User | None:
        """The user who has that identity."""
        with self._database.read() as connection:
            row = connection.execute(select(users).where(users.c.identity == identity)).first()
        return None if row is None else user_of(row)

    def page(self, paging: Paging) -> Slice[User]:
        """By name."""
        query = select(users).order_by(users.c.name).limit(paging.limit + 1)
        if paging.cursor is not None:
            query = query.where(users.c.name > paging.cursor)
        with self._database.read() as connection:
            found = [user_of(row) for row in connection.execute(query)]
        return cut(found, paging.limit, lambda user: user.name)

    def change(self, name: str, change: UserChange, entry: Entry) -> User:
        """Raises LastAdministratorError."""
        with self._database.change() as changing:
            connection = changing.connection
            before = _found(connection, name)
            after = change.of(before, entry.at)
            connection.execute(update(users).where(users.c.name == name).values(**_row(after)))
            if _administers(before) and not _administers(after) and not _administered(connection):
                raise LastAdministratorError(name)
            if not after.enabled:
                _end_sessions(connection, name)
            changing.record(entry)
        return after

    def set_password(self, name: str, password: str, entry: Entry) -> None:
        """All sessions of the user end, and waits for who failed in this name."""
        with self._database.change() as changing:
            connection = changing.connection
            after = replace(_found(connection, name), password=password)
            connection.execute(update(users).where(users.c.name == name).values(**_row(after)))
            _end_sessions(connection, name)
            failed = attempts.c.subject.startswith(name_subject(name).id)  # from anywhere
            connection.execute(delete(attempts).where(failed))
            changing.record(entry)

    def rehash(self, name: str, before: str, after: str) -> None:
        """Unless the password was changed meanwhile."""
        with self._database.note() as connection:
            same = update(users).where(users.c.name == name, users.c.password == before)
            connection.execute(same.values(password=after))

    def memberships(self, user: str) -> tuple[Membership, ...]:
        """By project."""
        with self._database.read() as connection:
            return memberships_of(connection, user)

    def members(self, project: str, paging: Paging) -> Slice[Membership]:
        """By user."""
        query = select(members).where(members.c.project == project)
        query = query.order_by(members.c.user).limit(paging.limit + 1)
        if paging.cursor is not None:
            query = query.where(members.c.user > paging.cursor)
        with self._database.read() as connection:
            found = [_membership_of(row) for row in connection.execute(query)]
        return cut(found, paging.limit, lambda membership: membership.user)

    def put_member(self, membership: Membership, entry: Entry) -> None:
        """Keep the roles instead of those before."""
        place = {"project": membership.project, "user": membership.user}
        roles = sorted(role.value for role in membership.roles)
        with self._database.change() as changing:
            connection = changing.connection
            here = update(members).filter_by(**place)
            if connection.execute(here.values(roles=roles)).rowcount == 0:
                row = {**place, "roles": roles, "created_at": membership.created_at}
                connection.execute(insert(members).values(**row))
            changing.record(entry)

    def remove_member(self, project: str, user: str, entry: Entry) -> bool:
        """False when the user is no member."""
        place = {"project": project, "user": user}
        with self._database.read() as connection:
            if connection.execute(select(members.c.user).filter_by(**place)).first() is None:
                return False
        with self._database.change() as changing:
            changing.connection.execute(delete(members).filter_by(**place))
            changing.record(entry)
        return True

    def _add(self, user: User, entry: Entry, *, first: bool) -> None:
        try:
            with self._database.change() as changing:
                connection = changing.connection
                if first and _administered(connection):
                    raise AdministratorExistsError("There is an administrator already.")
                connection.execute(insert(users).values(name=user.name, **_row(user)))
                changing.record(entry)
        except IntegrityError as error:
            # The databases word it in ways of their own, so the name is looked up.
            if self.find(user.name) is None:
                raise IdentityTakenError from error
            raise NameTakenError(f"There is a user '{user.name}' already.") from error


def user_of(row: Row[Any]) -> User:
    """The user of a row that has the columns of `users`."""
    return User(
        name=row.name,
        display_name=row.display_name,
        admin=row.admin,
        created_at=row.created_at,
        password=row.password,
        identity=row.identity,
        disabled_at=row.disabled_at,
    )


def memberships_of(connection: Connection, user: str) -> tuple[Membership, ...]:
    """By project."""
    query = select(members).where(members.c.user == user).order_by(members.c.project)
    return tuple(_membership_of(row) for row in connection.execute(query))


def _membership_of(row: Row[Any]) -> Membership:
    roles = frozenset(MemberRole(role) for role in row.roles)
    return Membership(row.project, row.user, roles, row.created_at)


def _row(user: User) -> dict[str, Any]:
    return {
        "display_name": user.display_name,
        "password": user.password,
        "identity": user.identity,
        "admin": user.admin,
        "created_at": user.created_at,
        "disabled_at": user.disabled_at,
    }


def _find(connection: Connection, name: str) -> User | None:
    row = connection.execute(select(users).where(users.c.name == name)).first()
    return None if row is None else user_of(row)


def _found(connection: Connection, name: str) -> User:
    found = _find(connection, name)
    if found is None:
        raise NotFoundError(f"There is no user '{name}' that you reach.")
    return found


def _administers(user: User) -> bool:
    return user.admin and user.enabled


def _administered(connection: Connection) -> bool:
    """Whether anybody administers the instance. Changes come one by one, so it stays true."""
    enabled = users.c.admin.is_(True) & users.c.disabled_at.is_(None)
    count: int = connection.execute(
        select(func.count()).select_from(users).where(enabled)
    ).scalar_one()
    return count > 0


def _end_sessions(connection: Connection, user: str) -> None:
    connection.execute(delete(sessions).where(sessions.c.user == user))
