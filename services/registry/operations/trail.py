"""Reading the audit trail, and verifying that nobody has written into it."""

from services.registry.domain.audit import Recorded
from services.registry.domain.paging import Paging, Slice
from services.registry.domain.verifying import Examination, Noted, examined
from services.registry.operations.reach import require_whole
from services.registry.ports import StateStore
from understudy.runtime.keys import Caller


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
