"""Windows: the sum of the cells of the latest minutes, of one reference only."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from services.monitor.domain.accounting import MINUTE
from services.monitor.domain.cells import Cell, CellId, empty_cell
from understudy.profiles.reference import Reference


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """What was counted between two times."""

    begins: datetime
    ends: datetime
    cell: Cell


def latest_window(
    cells: Mapping[CellId, Cell], reference: Reference, now: float, minutes: int
) -> Window:
    """The minute that runs and the whole ones before it, `minutes` in all.

    What was counted against another reference (before a promotion) is left out: it can't be added.
    """
    first = int(now // MINUTE) - minutes + 1
    total = empty_cell(reference)
    for name, cell in cells.items():
        if name.minute >= first and name.fingerprint == reference.fingerprint:
            total += cell
    begins = datetime.fromtimestamp(first * MINUTE, UTC)
    return Window(begins, datetime.fromtimestamp(now, UTC), total)
