"""Where tables and shares lie in the vectors of blocks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.monitor.domain.drifting.columns import Columns
from services.monitor.domain.drifting.subjects import Subject
from services.monitor.domain.statistics.detector import Counted
from understudy.profiles.arrays import Floats
from understudy.profiles.bins import ABOVE, BELOW, MISSING

Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Counts as the detector takes them: tables side by side, then two shares of each feature."""

    counts: int
    """Length of the features' tallies."""
    tables: Places
    """Of each column of the tables, its place in a vector."""
    begins: Places
    """Of each feature's tally in a vector."""
    joining: Places
    """Places in a vector that count into a table's last bin as well."""
    joined: Places
    """The columns of those bins."""

    def counted(self, vectors: Floats) -> Counted:
        """Shape (blocks, columns)."""
        tallies = vectors[:, : self.counts]
        totals = np.add.reduceat(tallies, self.begins, axis=1)
        missing = tallies[:, self.begins + MISSING]
        outside = tallies[:, self.begins + BELOW] + tallies[:, self.begins + ABOVE]
        bad = np.stack([missing, outside], axis=2)
        rows = np.stack([totals, totals - missing], axis=2)
        flat = (len(vectors), 2 * self.begins.size)
        return Counted(self._shapes(vectors), bad.reshape(flat), rows.reshape(flat))

    def _shapes(self, vectors: Floats) -> Floats:
        found = vectors[:, self.tables]
        found[:, self.joined] += vectors[:, self.joining]
        return found


def layout_of(columns: Columns, tables: Sequence[Subject], begins: Sequence[int]) -> Layout:
    """Of tables in this order."""
    ends = np.cumsum([one.places.size for one in tables]) - 1
    joined = [(one.joined, end) for one, end in zip(tables, ends, strict=True)]
    some = np.array([pair for pair in joined if pair[0] is not None], dtype=np.intp).reshape(-1, 2)
    return Layout(
        counts=columns.counts,
        tables=np.concatenate([one.places for one in tables]),
        begins=np.array(begins),
        joining=some[:, 0],
        joined=some[:, 1],
    )
