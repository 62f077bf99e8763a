"""Argon2id with RFC 9106's parameters for little memory, a few at once."""

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from argon2 import Parameters, PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from services.registry.domain.people_refusals import HashingBusyError


class ArgonPasswords:
    """Implements `ports.people.Passwords` and `ports.people.Hashing`."""

    def __init__(self, at_once: int, parameters: Parameters = RFC_9106_LOW_MEMORY) -> None:
        self._turns = threading.BoundedSemaphore(at_once)
        self._hasher = PasswordHasher.from_parameters(parameters)
        # Nobody's, so that a name that is not there takes as long as one that is.
        self._nobodys = self._hasher.hash(secrets.token_urlsafe(16))

    @contextmanager
    def turn(self) -> Iterator["ArgonPasswords"]:
        """Raises HashingBusyError."""
        if not self._turns.acquire(blocking=False):
            raise HashingBusyError
        try:
            yield self
        finally:
            self._turns.release()

    def hash(self, password: str) -> str:
        """A new hash."""
        return self._hasher.hash(password)

    def matches(self, kept: str | None, password: str) -> bool:
        """Whether the hash is of this password."""
        try:
            self._hasher.verify(kept or self._nobodys, password)
        except (VerificationError, InvalidHashError):
            return False
        return kept is not None

    def outdated(self, kept: str) -> bool:
        """Whether it was made by other parameters."""
        return self._hasher.check_needs_rehash(kept)
