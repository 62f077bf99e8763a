"""Cells in the order of time, as blocks: recent minutes one by one, older ones in bundles.

Bundles are aligned, and no wider than what lies between two retained starts of their age; so they
change nothing but the work. What a bundle adds up to is remembered while its cells are the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from operator import is_
from typing import Final

import numpy as np

from services.monitor.domain.cells import HOUR, Cell, CellId
from services.monitor.domain.drifting.columns import Columns
from services.monitor.domain.statistics.suffixes import FINE, retained_starts
from understudy.profiles.arrays import Counts, Floats

WIDE: Final = 16
"""Cells of a bundle."""
SINGLE: Final = 5 * WIDE
"""So many of the newest minutes, and hours, are not bundled."""

Key = tuple[int, int, int]
"""Minutes of a cell, cells of a bundle, and which bundle."""


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Ascending; at least one."""

    minutes: Counts
    """In which minute since the epoch each begins."""
    vectors: Floats
    """(blocks, columns)."""
    starts: np.ndarray[tuple[int], np.dtype[np.intp]]
    """Places of the retained starts."""


class Trail:
    """Remembers sums; what it answers is a function of the cells and the minute alone."""

    def __init__(self, columns: Columns, fingerprint: str, *, bundled: bool) -> None:
        self._columns = columns
        self._fingerprint = fingerprint
        self._bundled = bundled
        self._sums: dict[Key, tuple[tuple[Cell, ...], Floats]] = {}
        self._names: list[CellId] = []
        self._minute = 0
        self._places: dict[Key, list[int]] = {}

    def blocks(self, cells: Mapping[CellId, Cell], minute: int) -> Blocks | None:
        """Of the cells up to now, whose minute is given; None without any."""
        names, held = [*cells], [*cells.values()]
        self._regroup(names, minute)
        sums = {
            key: self._sum(key, tuple([held[place] for place in places]))
            for key, places in self._places.items()
        }
        self._sums = sums
        if not sums:
            return None
        begins = np.array([names[places[0]].minute for places in self._places.values()])
        return Blocks(
            begins, np.stack([vector for _, vector in sums.values()]), self._starts(begins, minute)
        )

    def _regroup(self, names: list[CellId], minute: int) -> None:
        """Which cells make a block, in the order of time; the same while no cell came or went."""
        same = minute == self._minute and len(names) == len(self._names)
        if same and all(map(is_, names, self._names)):
            return
        groups: dict[Key, list[int]] = {}
        own = [at for at, name in enumerate(names) if name.fingerprint == self._fingerprint]
        last = max((names[at].minute for at in own if names[at].minutes == HOUR), default=0)
        for place in own:
            # Minutes between hours are of one that is kept in minutes: it makes one block, too.
            name = names[place] if names[place].minute >= last else names[place].hour
            groups.setdefault(self._key(name, minute), []).append(place)
        for places in groups.values():
            places.sort(key=lambda place: names[place].minute)
        ordered = sorted(groups.items(), key=lambda group: names[group[1][0]].minute)
        self._names, self._minute, self._places = names, minute, dict(ordered)

    def _key(self, name: CellId, minute: int) -> Key:
        number, newest = name.minute // name.minutes, minute // name.minutes
        old = number // WIDE < (newest - SINGLE) // WIDE
        wide = WIDE if old and self._bundled else 1
        return name.minutes, wide, number // wide

    def _sum(self, key: Key, cells: tuple[Cell, ...]) -> tuple[tuple[Cell, ...], Floats]:
        held = self._sums.get(key)
        if held is not None and held[0] == cells:  # cells have no equality but identity
            return held
        total = self._columns.vector(cells[0])
        for cell in cells[1:]:
            total += self._columns.vector(cell)
        return cells, total

    def _starts(self, begins: Counts, minute: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        """Hours are thinned by their own numbers, twice as much: they are for slow drift."""
        hours = sum(1 for length, _, _ in self._places if length == HOUR)
        old = retained_starts(begins[:hours] // HOUR, minute // HOUR, FINE // 2)
        return np.concatenate([old, hours + retained_starts(begins[hours:], minute)])
