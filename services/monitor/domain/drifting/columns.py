"""What of a cell drift is looked for in, as one flat vector: counts and sums, which add."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.monitor.domain.cells import Cell, OutputTally, Speaker
from understudy.profiles.arrays import Floats
from understudy.profiles.moments import SUMS
from understudy.profiles.reference import Reference


@dataclass(frozen=True, slots=True)
class Columns:
    """The layout: features' tallies, their sums, then scores and classes of each speaker."""

    features: int
    counts: int
    """Length of the features' tallies."""
    speakers: tuple[Speaker, ...]
    scores: int
    """Bins of a speaker's scores; 0 without any."""
    classes: tuple[str, ...]

    @property
    def sums(self) -> int:
        """Where the features' sums begin."""
        return self.counts

    @property
    def width(self) -> int:
        """Length of the vector."""
        return self.answers(len(self.speakers))

    def answers(self, speaker: int) -> int:
        """Where a speaker's scores begin; its classes follow."""
        each = self.scores + len(self.classes)
        return self.counts + SUMS * self.features + speaker * each

    def vector(self, cell: Cell) -> Floats:
        """The cell's numbers; of the first rows of entities where those count apart."""
        looked = cell if cell.firsts is None else cell.firsts.cell
        outputs = (looked.outputs.get(speaker) for speaker in self.speakers)
        parts = [looked.counts, looked.sums.ravel(), *map(self._answers, outputs)]
        return np.concatenate(parts, dtype=np.float64)

    def _answers(self, tally: OutputTally | None) -> Floats:
        if tally is None:
            return np.zeros(self.scores + len(self.classes))
        classes = [tally.classes.get(name, 0) for name in self.classes]
        return np.concatenate([tally.scores[: self.scores], classes], dtype=np.float64)


def columns_of(
    reference: Reference, speakers: Sequence[Speaker], classes: Sequence[str]
) -> Columns:
    """For cells that are counted on the reference."""
    edges = reference.output.edges
    return Columns(
        features=len(reference.features),
        counts=reference.offsets[-1],
        speakers=tuple(speakers),
        scores=0 if edges is None else edges.size - 1,
        classes=tuple(classes),
    )
