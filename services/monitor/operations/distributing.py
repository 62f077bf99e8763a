"""Which features' distributions are shown, and how: rulers are made once for a reference."""

from collections.abc import Sequence

import numpy as np

from services.monitor.domain.distributions import Distribution, Ruler, ruler_of, worth_a_look
from services.monitor.domain.drifting.telling import DriftReading
from understudy.profiles.arrays import Counts
from understudy.profiles.reference import Reference


class Distributing:
    """Of one deployment."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._reference: Reference | None = None
        self._rulers: Sequence[Ruler] = ()

    def read(
        self, reference: Reference, counts: Counts, drift: DriftReading | None
    ) -> tuple[Distribution, ...]:
        """Of a window's counts, those that are worth a look."""
        if reference is not self._reference:
            self._rulers = [ruler_of(feature) for feature in reference.features]
            self._reference = reference
        tallies = np.split(counts, reference.offsets[1:-1])
        chosen = worth_a_look(reference, drift, self._most)
        return tuple(self._rulers[place].read(tallies[place]) for place in chosen)
