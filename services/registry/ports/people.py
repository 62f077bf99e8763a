"""What people, their sessions and their passwords need from outside."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Protocol

from services.registry.domain.attempts import Subject
from services.registry.domain.audit import Entry
from services.registry.domain.paging import Paging, Slice
from services.registry.domain.people import Membership, Session, SessionHolder, User, UserChange


class PeopleStore(Protocol):
    """Users and what they are in projects. Every change leaves its audit entry."""

    def add(self, user: User, entry: Entry) -> None:
        """Raises NameTakenError, or IdentityTakenError where another user has the identity."""

    def add_first(self, user: User, entry: Entry) -> None:
        """Keep an administrator when there is no enabled one, else AdministratorExistsError."""

    def find(self, name: str) -> User | None:
        """The user of that name, disabled or not."""

    def of_identity(self, identity: str) -> User | None:
        """The user who has that identity at a provider."""

    def page(self, paging: Paging) -> Slice[User]:
        """By name."""

    def change(self, name: str, change: UserChange, entry: Entry) -> User:
        """Change a user who is there; who is disabled has no sessions afterwards.

        Raises LastAdministratorError when no enabled administrator would be left.
        """

    def set_password(self, name: str, password: str, entry: Entry) -> None:
        """Keep another hash of another password, and end all sessions of the user."""

    def rehash(self, name: str, before: str, after: str) -> None:
        """Keep another hash of the same password, unless it was changed meanwhile."""

    def memberships(self, user: str) -> tuple[Membership, ...]:
        """By project."""

    def members(self, project: str, paging: Paging) -> Slice[Membership]:
        """By user."""

    def put_member(self, membership: Membership, entry: Entry) -> None:
        """Keep the roles instead of those before."""

    def remove_member(self, project: str, user: str, entry: Entry) -> bool:
        """False, and no change, when the user is no member."""


class SessionStore(Protocol):
    """Sessions and failed sign-ins, on whichever replica. Nothing of it is an audited change."""

    def begin(self, session: Session) -> None:
        """Keep it; drop those that have expired."""

    def holder(self, digest: str) -> SessionHolder | None:
        """The session of that digest, its user, and what that is in projects."""

    def seen(self, digest: str, at: datetime) -> None:
        """It was used then."""

    def end(self, digest: str) -> None:
        """It opens nothing any more."""

    def attempt(self, subjects: Sequence[Subject], now: datetime) -> timedelta:
        """Count a failure for each of them before it is known to be one, so that none is missed.

        When one of them has to wait nothing is counted, and how long is returned.
        """

    def succeeded(self, own: Sequence[Subject], address: Subject | None) -> None:
        """It was no failure: forget all of one's own subjects, and this one of the address."""


class Hashing(Protocol):
    """Checks and hashes passwords within one turn."""

    def hash(self, password: str) -> str:
        """A new hash, by today's parameters."""

    def matches(self, kept: str | None, password: str) -> bool:
        """Whether the hash is of this password. Takes as long when there is none."""

    def outdated(self, kept: str) -> bool:
        """Whether it was made by other parameters than today's."""


class Passwords(Protocol):
    """Hashing takes memory and processors, so only so much of it happens at once."""

    def turn(self) -> AbstractContextManager[Hashing]:
        """Raises HashingBusyError when all turns are taken."""
