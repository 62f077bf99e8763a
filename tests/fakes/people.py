"""People and sessions in memory, and passwords that take no time to check."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from services.registry.domain.attempts import (
    MOST_KEPT,
    Attempts,
    Subject,
    longest,
    name_subject,
)
from services.registry.domain.audit import Entry
from services.registry.domain.errors import NameTakenError, NotFoundError
from services.registry.domain.paging import Paging, Slice, cut
from services.registry.domain.people import Membership, Session, SessionHolder, User, UserChange
from services.registry.domain.people_refusals import (
    AdministratorExistsError,
    HashingBusyError,
    IdentityTakenError,
    LastAdministratorError,
)

if TYPE_CHECKING:
    from tests.fakes.registry import Memory


class MemoryPeople:
    """`ports.people.PeopleStore`."""

    def __init__(self, memory: "Memory") -> None:
        self._memory = memory

    def add(self, user: User, entry: Entry) -> None:
        with self._memory.change(entry):
            users = self._memory.users.values()
            if user.name in self._memory.users:
                raise NameTakenError(f"There is a user '{user.name}' already.")
            if user.identity in {one.identity for one in users if one.identity}:
                raise IdentityTakenError
            self._memory.users[user.name] = user

    def add_first(self, user: User, entry: Entry) -> None:
        if self._administered():
            raise AdministratorExistsError("There is an administrator already.")
        self.add(user, entry)

    def find(self, name: str) -> User | None:
        return self._memory.users.get(name)

    def of_identity(self, identity: str) -> User | None:
        users = self._memory.users.values()
        return next((user for user in users if user.identity == identity), None)

    def page(self, paging: Paging) -> Slice[User]:
        ordered = [user for _, user in sorted(self._memory.users.items())]
        after = [user for user in ordered if paging.cursor is None or user.name > paging.cursor]
        return cut(after, paging.limit, lambda user: user.name)

    def change(self, name: str, change: UserChange, entry: Entry) -> User:
        before = self._found(name)
        with self._memory.change(entry):
            after = self._memory.users[name] = change.of(before, entry.at)
            if before.admin and before.enabled and not self._administered():
                self._memory.users[name] = before
                raise LastAdministratorError(name)
            if not after.enabled:
                self._end_sessions(name)
        return after

    def set_password(self, name: str, password: str, entry: Entry) -> None:
        with self._memory.change(entry):
            self._memory.users[name] = replace(self._found(name), password=password)
            self._end_sessions(name)
            of_name, held = name_subject(name).id, self._memory.attempts
            self._memory.attempts = {
                subject: one for subject, one in held.items() if not subject.startswith(of_name)
            }

    def rehash(self, name: str, before: str, after: str) -> None:
        user = self._memory.users.get(name)
        if user is not None and user.password == before:
            self._memory.users[name] = replace(user, password=after)

    def memberships(self, user: str) -> tuple[Membership, ...]:
        held = sorted(self._memory.members.items())
        return tuple(one for (_, name), one in held if name == user)

    def members(self, project: str, paging: Paging) -> Slice[Membership]:
        held = sorted(self._memory.members.items())
        found = [
            one
            for (of, name), one in held
            if of == project and (paging.cursor is None or name > paging.cursor)
        ]
        return cut(found, paging.limit, lambda one: one.user)

    def put_member(self, membership: Membership, entry: Entry) -> None:
        with self._memory.change(entry):
            place = membership.project, membership.user
            before = self._memory.members.get(place, membership)
            kept = replace(membership, created_at=before.created_at)
            self._memory.members[place] = kept

    def remove_member(self, project: str, user: str, entry: Entry) -> bool:
        if (project, user) not in self._memory.members:
            return False
        with self._memory.change(entry):
            del self._memory.members[project, user]
        return True

    def _found(self, name: str) -> User:
        if name not in self._memory.users:
            raise NotFoundError(f"There is no user '{name}' that you reach.")
        return self._memory.users[name]

    def _administered(self) -> bool:
        return any(user.admin and user.enabled for user in self._memory.users.values())

    def _end_sessions(self, name: str) -> None:
        held = self._memory.sessions
        self._memory.sessions = {key: one for key, one in held.items() if one.user != name}


class MemorySessions:
    """`ports.people.SessionStore`."""

    def __init__(self, memory: "Memory") -> None:
        self._memory = memory

    def begin(self, session: Session) -> None:
        held = self._memory.sessions.values()
        kept = [one for one in held if one.expires_at > session.created_at]
        self._memory.sessions = {one.digest: one for one in (*kept, session)}

    def holder(self, digest: str) -> SessionHolder | None:
        session = self._memory.sessions.get(digest)
        if session is None:
            return None
        memberships = MemoryPeople(self._memory).memberships(session.user)
        return SessionHolder(session, self._memory.users[session.user], memberships)

    def seen(self, digest: str, at: datetime) -> None:
        session = self._memory.sessions.get(digest)
        if session is not None and session.seen_at < at:
            self._memory.sessions[digest] = replace(session, seen_at=at)

    def end(self, digest: str) -> None:
        self._memory.sessions.pop(digest, None)

    def attempt(self, subjects: Sequence[Subject], now: datetime) -> timedelta:
        with self._memory.lock:
            held, nothing = self._memory.attempts, Attempts(0, now)
            wait = longest(held.get(one.id, nothing).wait(one, now) for one in subjects)
            if wait:
                return wait
            for one in subjects:
                held[one.id] = held.get(one.id, nothing).failed(now)
            kept = [(key, one) for key, one in held.items() if not one.forgotten(now)]
            kept.sort(key=lambda item: item[1].last_at)
            self._memory.attempts = dict(kept[-MOST_KEPT:])
        return wait

    def succeeded(self, own: Sequence[Subject], address: Subject | None) -> None:
        with self._memory.lock:
            held = self._memory.attempts
            for one in own:
                held.pop(one.id, None)
            if address is not None and address.id in held:
                before = held[address.id]
                held[address.id] = replace(before, failures=max(0, before.failures - 1))


class PlainPasswords:
    """`ports.people.Passwords` and `Hashing`; a hash of the year before is outdated."""

    def __init__(self, at_once: int = 4) -> None:
        self._free = at_once
        self.checked: list[str | None] = []
        """What was compared with."""

    @contextmanager
    def turn(self) -> Iterator["PlainPasswords"]:
        if self._free == 0:
            raise HashingBusyError
        self._free -= 1
        try:
            yield self
        finally:
            self._free += 1

    def hash(self, password: str) -> str:
        return f"2026 {password}"

    def matches(self, kept: str | None, password: str) -> bool:
        self.checked.append(kept)
        return kept in {f"2026 {password}", f"2025 {password}"}

    def outdated(self, kept: str) -> bool:
        return kept.startswith("2025 ")
