"""Signing in and out: a session opens with a password or with somebody else's word for it."""

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from services.registry.domain.attempts import (
    Subject,
    address_subject,
    name_from_subject,
    name_subject,
)
from services.registry.domain.people import LONGEST_PASSWORD, Membership, Session, User
from services.registry.domain.people_refusals import SignInFailedError, TooManyAttemptsError
from services.registry.operations.reach import Clock
from services.registry.ports.people import Passwords, PeopleStore, SessionStore
from understudy.contracts.vocabulary import Scope
from understudy.runtime.keys import Caller, Grant

SEEN_EVERY: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session at the one moment when what its cookie holds exists."""

    token: str
    csrf: str
    user: User
    lifetime: timedelta


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who a session's cookie belongs to."""

    caller: Caller
    user: User
    csrf: str

    def knows(self, token: str) -> bool:
        """Whether it is the session's token, compared in constant time."""
        return hmac.compare_digest(self.csrf.encode(), token.encode())


class Sessions:
    """Who is signed in."""

    def __init__(
        self,
        *,
        store: SessionStore,
        people: PeopleStore,
        passwords: Passwords,
        idle: timedelta,
        lifetime: timedelta,
        clock: Clock,
    ) -> None:
        self._store = store
        self._people = people
        self._passwords = passwords
        self._idle = idle
        self._lifetime = lifetime
        self._clock = clock

    def sign_in(self, name: str, password: str, address: str | None) -> SignedIn:
        """Open a session for who knows the password.

        Raises SignInFailedError, TooManyAttemptsError or HashingBusyError.
        """
        name = name.strip().lower()
        user = self.verified(name, self._people.find(name), password, address)
        return self.open(user)

    def verified(self, name: str, user: User | None, password: str, address: str | None) -> User:
        """The user, if it is and knows the password; what failed is counted."""
        own, by_address = [name_subject(name)], None
        if address is not None:
            own.append(name_from_subject(name, address))
            by_address = address_subject(address)
        with self._passwords.turn() as hashing:
            self._attempt(own if by_address is None else [*own, by_address])
            kept = user.password if user is not None and user.enabled else None
            fits = len(password) <= LONGEST_PASSWORD
            known = hashing.matches(kept if fits else None, password[:LONGEST_PASSWORD])
            if user is None or kept is None or not known:
                structlog.stdlib.get_logger().warning("sign_in_failed", address=address)
                raise SignInFailedError
            if hashing.outdated(kept):
                self._people.rehash(user.name, kept, hashing.hash(password))
        self._store.succeeded(own, by_address)
        return user

    def open(self, user: User) -> SignedIn:
        """A new session, whatever others there are. Raises SignInFailedError for the disabled."""
        if not user.enabled:
            raise SignInFailedError
        now, token, csrf = self._clock(), secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        self._store.begin(
            Session(digest_of(token), user.name, csrf, now, now, now + self._lifetime)
        )
        structlog.stdlib.get_logger().info("signed_in", user=user.name)
        return SignedIn(token, csrf, user, self._lifetime)

    def visitor(self, token: str) -> Visitor | None:
        """Who is signed in by it, if anybody."""
        now, digest = self._clock(), digest_of(token)
        holder = self._store.holder(digest)
        if holder is None or not holder.user.enabled:
            return None
        if not holder.session.lives(now, self._idle):
            self._store.end(digest)
            return None
        if now - holder.session.seen_at >= SEEN_EVERY:
            self._store.seen(digest, now)
        caller = caller_of(holder.user, holder.memberships)
        return Visitor(caller, holder.user, holder.session.csrf)

    def sign_out(self, token: str) -> None:
        """End the session."""
        self._store.end(digest_of(token))

    def _attempt(self, subjects: Sequence[Subject]) -> None:
        wait = self._store.attempt(subjects, self._clock())
        if wait:
            seconds = max(1, -(-wait // timedelta(seconds=1)))
            raise TooManyAttemptsError(
                f"Too many sign-ins have failed; try again in {seconds} s.", retry_after=seconds
            )


def digest_of(token: str) -> str:
    """What is kept of a cookie. It has 256 bits of chance, so that a plain digest is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def actor_of(name: str) -> str:
    """A person in the trail."""
    return f"user:{name}"


def caller_of(user: User, memberships: Iterable[Membership]) -> Caller:
    """What a person may do; nothing once disabled."""
    grants: tuple[Grant, ...] = ()
    if user.enabled and user.admin:
        grants = (Grant(frozenset({Scope.ADMIN})),)
    elif user.enabled:
        grants = tuple(Grant(one.scopes, project=one.project) for one in memberships)
    return Caller(actor_of(user.name), grants)
