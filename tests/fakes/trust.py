"""Trust in types, in memory. Passes the contract suite that the SQL store passes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from services.registry.domain.audit import Entry
from services.registry.domain.paging import Paging, Slice, cut
from services.registry.domain.trust import Asked
from understudy.contracts.vocabulary import TrustState

if TYPE_CHECKING:
    from tests.fakes.registry import Memory


class MemoryTrust:
    """`ports.trust.TrustStore`."""

    def __init__(self, memory: "Memory") -> None:
        self._memory = memory

    def ask(self, asked: Sequence[Asked], most_open: int, entry: Entry) -> bool:
        with self._memory.lock:
            held = self._memory.trust
            new = [one for one in asked if one.type not in held]
            waiting = sum(one.state is TrustState.ASKED for one in held.values())
            if not new:
                return True
            if waiting + len(new) > most_open:
                return False
            details = {**entry.details, "types": [one.type for one in new]}
            with self._memory.change(replace(entry, details=details)):
                held.update({one.type: one for one in new})
        return True

    def decide(self, before: Asked | None, after: Asked, entry: Entry) -> bool:
        with self._memory.lock:
            if self.find(after.type) != before:
                return False
            with self._memory.change(entry):
                self._memory.trust[after.type] = after
        return True

    def find(self, name: str) -> Asked | None:
        return self._memory.trust.get(name)

    def page(self, state: TrustState | None, paging: Paging) -> Slice[Asked]:
        held = sorted(self._memory.trust.values(), key=lambda one: one.type)
        found = [one for one in held if state in {None, one.state}]
        after = [one for one in found if paging.cursor is None or one.type > paging.cursor]
        return cut(after, paging.limit, lambda one: one.type)

    def decided(self) -> Mapping[str, TrustState]:
        held = self._memory.trust.values()
        return {one.type: one.state for one in held if one.state is not TrustState.ASKED}
