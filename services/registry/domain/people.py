"""People: who may sign in, what they are in projects, and what a password must be."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.registry.domain.people_refusals import PasswordRefusedError
from understudy.contracts.vocabulary import MemberRole, Scope

SHORTEST_PASSWORD: Final = 12
LONGEST_PASSWORD: Final = 200

_COMMON: Final = frozenset(
    {
        "123456789012",
        "1234567890123",
        "12345678901234",
        "123456789123",
        "123123123123",
        "111111111111",
        "000000000000",
        "1q2w3e4r5t6y",
        "1qaz2wsx3edc",
        "q1w2e3r4t5y6",
        "qwertyuiop12",
        "qwertyuiop123",
        "qwerty123456",
        "qwertyqwerty",
        "qazwsxedcrfv",
        "abcdefghijkl",
        "abcd1234abcd",
        "abc123abc123",
        "administrator",
        "adminadminadmin",
        "admin1234567",
        "admin123456789",
        "password1234",
        "password12345",
        "password123456",
        "password1234!",
        "passwordpassword",
        "passw0rdpassw0rd",
        "p@ssw0rd1234",
        "changemechangeme",
        "changeme1234",
        "letmeinletmein",
        "letmein12345",
        "welcome12345",
        "welcome123456",
        "iloveyou1234",
        "iloveyouiloveyou",
        "correcthorsebatterystaple",
        "trustno1trustno1",
        "understudyunderstudy",
        "understudy123",
    }
)
"""Of twelve characters and more, what is tried first."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may sign in: by a password, at an identity provider, or by either."""

    name: str
    display_name: str
    admin: bool
    """Administrator of the whole instance."""
    created_at: datetime
    password: str | None = None
    """A hash that says how it was made; never shown."""
    identity: str | None = None
    """Who it is at an identity provider."""
    disabled_at: datetime | None = None

    @property
    def enabled(self) -> bool:
        """Whether it may sign in."""
        return self.disabled_at is None


@dataclass(frozen=True, slots=True)
class Membership:
    """What somebody is in a project."""

    project: str
    user: str
    roles: frozenset[MemberRole]
    created_at: datetime

    @property
    def scopes(self) -> frozenset[Scope]:
        """What the roles allow there together."""
        return frozenset().union(*(role.scopes for role in self.roles))


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody signed in. What the cookie holds is not kept, only its digest."""

    digest: str
    user: str
    csrf: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime

    def lives(self, now: datetime, idle: timedelta) -> bool:
        """Whether it still opens anything: neither too old nor unused for too long."""
        return now < self.expires_at and now < self.seen_at + idle


@dataclass(frozen=True, slots=True)
class SessionHolder:
    """A session with what is known of its user, as one moment saw it."""

    session: Session
    user: User
    memberships: tuple[Membership, ...]


@dataclass(frozen=True, slots=True)
class UserChange:
    """What becomes another; None stays as it is."""

    display_name: str | None = None
    admin: bool | None = None
    disabled: bool | None = None

    @property
    def details(self) -> Mapping[str, object]:
        """For the trail."""
        stated = {
            "display_name": self.display_name,
            "admin": self.admin,
            "disabled": self.disabled,
        }
        return {name: value for name, value in stated.items() if value is not None}

    def of(self, user: User, now: datetime) -> User:
        """The user afterwards."""
        disabled_at = user.disabled_at
        if self.disabled is not None:
            disabled_at = (user.disabled_at or now) if self.disabled else None
        return User(
            name=user.name,
            display_name=user.display_name if self.display_name is None else self.display_name,
            admin=user.admin if self.admin is None else self.admin,
            created_at=user.created_at,
            password=user.password,
            identity=user.identity,
            disabled_at=disabled_at,
        )


def require_good_password(name: str, password: str) -> None:
    """Raises PasswordRefusedError for what would be guessed."""
    if len(password) < SHORTEST_PASSWORD:
        raise PasswordRefusedError(f"A password has at least {SHORTEST_PASSWORD} characters.")
    if len(password) > LONGEST_PASSWORD:
        raise PasswordRefusedError(f"A password has at most {LONGEST_PASSWORD} characters.")
    folded = password.casefold()
    if folded == name or len(set(folded)) == 1:
        raise PasswordRefusedError("A password is neither one's name nor one letter repeated.")
    if folded in _COMMON:
        raise PasswordRefusedError("This password is among the first that are tried; take another.")
