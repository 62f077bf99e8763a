"""Reading the audit trail."""

from services.registry.domain.audit import Recorded
from services.registry.domain.paging import Paging, Slice
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
