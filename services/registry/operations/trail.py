"""Reading the audit trail, and verifying that nobody has written into it."""

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final

from services.registry.domain.audit import Recorded
from services.registry.domain.chain import Head
from services.registry.domain.paging import Paging, Slice
from services.registry.domain.verifying import Examination, Noted, examined
from services.registry.operations.reach import Clock, require_whole
from services.registry.ports import StateStore
from understudy.contracts.refusals import Fault, Refusal
from understudy.runtime.keys import Caller

HOLDS_FOR: Final = timedelta(minutes=5)
"""How long what a walk has found is told again, as long as no entry was written."""
_WAIT_SECONDS: Final = 30.0
_PLACES: Final = 4
"""For one that walks and for those that wait for it."""


class Trail:
    """Who did what to what, when and why."""

    def __init__(self, state: StateStore) -> None:
        self._state = state

    def page(self, caller: Caller, paging: Paging) -> Slice[Recorded]:
        """Newest first."""
        require_whole(caller, "Reading the audit trail")
        return self._state.trail(paging)

    def verified(self, caller: Caller, noted: Noted) -> Examination:
        """Walk the whole chain, as it is at one moment."""
        require_whole(caller, "Verifying the audit trail")
        return self.examined(noted)

    def examined(self, noted: Noted) -> Examination:
        """The same for whoever is at the database anyway."""
        with self._state.chain() as chain:
            return examined(chain, noted)


class WalkedAlreadyError(Refusal):
    """The chain is being walked, and enough wait for that."""

    fault: ClassVar = Fault.UNAVAILABLE
    code: ClassVar = "trail_busy"


@dataclass(frozen=True, slots=True)
class Walked:
    """What a walk has found."""

    examination: Examination
    at: datetime
    """When it began."""
    ended_at: datetime
    head: Head
    """What the last change had noted then."""


class Examinations:
    """The chain's state for many readers: one walks, and the others are told what it found."""

    def __init__(self, state: StateStore, clock: Clock) -> None:
        self._state = state
        self._clock = clock
        self._walking = threading.Lock()
        self._places = threading.BoundedSemaphore(_PLACES)
        self._kept: Walked | None = None

    def recent(self) -> Walked:
        """Walked up to the newest entry, or while somebody else walks, lately.

        Raises WalkedAlreadyError.
        """
        asked = self._clock()
        kept = self._kept
        if kept is not None and self._walking.locked() and asked - kept.at <= HOLDS_FOR:
            return kept
        if not self._places.acquire(blocking=False):
            raise _busy()
        try:
            if not self._walking.acquire(timeout=_WAIT_SECONDS):
                raise _busy()
            try:
                return self._told_since(asked)
            finally:
                self._walking.release()
        finally:
            self._places.release()

    def _told_since(self, asked: datetime) -> Walked:
        kept, began = self._kept, self._clock()
        if kept is not None and kept.ended_at > asked:
            return kept
        with self._state.chain() as chain:
            same = kept is not None and kept.head == chain.state
            if kept is not None and same and began - kept.at <= HOLDS_FOR:
                return kept
            found = examined(chain)
        self._kept = Walked(found, began, self._clock(), chain.state)
        return self._kept


def _busy() -> WalkedAlreadyError:
    return WalkedAlreadyError(
        "The audit trail is being verified for others, and that takes long. Ask again later."
    )
