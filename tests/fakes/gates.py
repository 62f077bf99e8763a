"""Gates of projects in memory."""

from typing import TYPE_CHECKING

from services.registry.domain.audit import Entry
from services.registry.domain.gate import Basis, Written
from services.registry.domain.gate_refusals import (
    AnswersChangedError,
    GateChangedError,
    ReviewChangedError,
)
from services.registry.domain.paging import Paging, Slice, cut
from services.registry.domain.versions import Version

if TYPE_CHECKING:
    from tests.fakes.registry import Memory


class MemoryGates:
    """`ports.gates.GateStore`."""

    def __init__(self, memory: "Memory") -> None:
        self._memory = memory

    def add(self, written: Written, entry: Entry) -> None:
        with self._memory.change(entry):
            held = self._memory.gates.setdefault(written.project, [])
            if len(held) != written.number - 1:
                raise GateChangedError(written.project)
            held.append(written)

    def current(self, project: str) -> Written | None:
        held = self._memory.gates.get(project)
        return held[-1] if held else None

    def versions(self, project: str, paging: Paging) -> Slice[Written]:
        after, held = paging.after_number(), self._memory.gates.get(project, [])
        kept = [each for each in reversed(held) if after is None or each.number < after]
        return cut(kept, paging.limit, lambda written: written.number)


def require_basis(memory: "Memory", version: Version, basis: Basis) -> None:
    """Within the lock of a change."""
    if len(memory.gates.get(basis.project, [])) != basis.policy:
        raise GateChangedError(basis.project)
    attempts = memory.reviews.get((version.draft.model, version.number), [])
    newest = max((each.number for each in attempts if each.made is not None), default=0)
    if basis.review is not None and newest != basis.review:
        raise ReviewChangedError(version.title)
    answers = memory.answers.get((version.draft.model, version.number))
    if basis.asked and (answers.at if answers else None) != basis.answered_at:
        raise AnswersChangedError(version.title)
