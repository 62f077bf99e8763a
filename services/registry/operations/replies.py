"""The same request twice is one change: `Idempotency-Key`.

Source: draft-ietf-httpapi-idempotency-key-header. Answers may hold secrets (of a key that was
issued), so they are kept under the header's value, of which only a digest is kept: who reads the
database can't read them, and who repeats the request can.
"""

import hashlib
from dataclasses import dataclass
from typing import Final, Protocol

from services.registry.domain.replies import (
    CUT_OFF_AFTER,
    KEPT_FOR,
    Begun,
    StillAnsweringError,
)
from services.registry.operations.reach import Clock
from services.registry.ports import ReplyStore
from understudy.contracts.idempotency import IdempotencyKeyReusedError, require_well_formed
from understudy.runtime.keys import Grant

_INVALID: Final = 422
"""Of refusals, what the request itself is the reason of; others may be another a moment later."""


class Seal(Protocol):
    """Encrypts with authentication; `adapters.sealing`."""

    def close(self, key: str, content: bytes) -> bytes:
        """What can be opened with the same key alone."""

    def open(self, key: str, sealed: bytes) -> bytes:
        """The content."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that may be repeated."""

    actor: str
    key: str
    request: str
    """SHA-256 of method, path and body."""
    grants: tuple[Grant, ...] = ()
    """What the caller may do now."""

    @property
    def id(self) -> str:
        """Keys of different callers don't meet, and who may do less by now is told nothing old."""
        held = sorted(
            [sorted(grant.scopes), grant.deployment or "", grant.project or ""]
            for grant in self.grants
        )
        return hashlib.sha256(f"{self.actor}\0{self.key}\0{held}".encode()).hexdigest()


class Replies:
    """Remembers what was answered for a day."""

    def __init__(self, store: ReplyStore, seal: Seal, clock: Clock) -> None:
        self._store = store
        self._seal = seal
        self._clock = clock

    def begin(self, asked: Asked) -> tuple[int, bytes] | None:
        """The answer that was given before; None: answer it, then `end`.

        Raises InvalidIdempotencyKeyError, IdempotencyKeyReusedError or StillAnsweringError.
        """
        require_well_formed(asked.key)
        now = self._clock()
        before = self._store.begin(asked.id, Begun(asked.request, now), now - KEPT_FOR)
        if before is None:
            return None
        if before.request != asked.request:
            raise IdempotencyKeyReusedError
        if before.status is not None and before.sealed is not None:
            return before.status, self._seal.open(asked.key, before.sealed)
        if now - before.at < CUT_OFF_AFTER or not self._store.take_over(asked.id, before, now):
            raise StillAnsweringError
        return None

    def end(self, asked: Asked, status: int, answer: bytes) -> None:
        """Keep the answer, or forget that it was asked: a failure may be tried again."""
        if 200 <= status < 300 or status == _INVALID:
            self._store.end(asked.id, status, self._seal.close(asked.key, answer))
        else:
            self._store.forget(asked.id)

    def give_up(self, asked: Asked) -> None:
        """There is no answer that could be kept."""
        self._store.forget(asked.id)
