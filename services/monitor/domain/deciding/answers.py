"""What the main was asked since a moment, of the minutes that are kept."""

from collections.abc import Mapping

from services.monitor.domain.cells import Cell, CellId, OutputTally
from services.monitor.domain.deciding.rails import MINUTE
from understudy.contracts.vocabulary import Role


def answered(minutes: Mapping[CellId, Cell], main: int, since: float) -> dict[int, OutputTally]:
    """By minute: whatever references the minute's cells were counted on."""
    speaker = (Role.MAIN, main)
    found: dict[int, OutputTally] = {}
    for name, cell in minutes.items():
        if speaker in cell.outputs and begun(name, since):
            held, tally = found.get(name.minute), cell.outputs[speaker]
            found[name.minute] = tally if held is None else held + tally
    return found


def rows_asked(minutes: Mapping[CellId, Cell], main: int, since: float) -> int:
    """As far as minutes reach back."""
    speaker = (Role.MAIN, main)
    return sum(
        cell.outputs[speaker].rows
        for name, cell in minutes.items()
        if speaker in cell.outputs and begun(name, since)
    )


def begun(name: CellId, since: float) -> bool:
    """Whether the minute, or an hour's first, ends after that moment.

    The hours in which a release, a main or a couple began are kept as minutes (see `account`).
    """
    return (name.minute + 1) * MINUTE > since
