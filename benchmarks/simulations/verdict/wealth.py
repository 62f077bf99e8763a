"""The evidence of `statistics.betting` at every look, for many runs at once.

Same grid, same stakes, same half step as the monitor's; a test holds both against each other. A bet
on one value is looked up by its place on the grid, so that a run costs no logarithms.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.monitor.domain.deciding.comparison import Thresholds
from services.monitor.domain.statistics.betting import STAKES
from services.monitor.domain.statistics.spectrum import HALF_STEP, STEPS
from understudy.profiles.arrays import Counts, Floats

LOOK: Final = 50
"""Labels between two looks."""
NEVER: Final = np.inf

Places = NDArray[np.int32]
_GRID: Final = np.arange(-STEPS, STEPS + 1) / STEPS


def places_of(differences: Floats, clip: float) -> Places:
    """Differences of losses as places on the grid, as `spectrum` counts them."""
    return np.rint(np.clip(differences / clip, -1.0, 1.0) * STEPS).astype(np.int32)


def log_evidence_above(places: Places, bound: float = 0.0, look: int = LOOK) -> Floats:
    """At each look: (runs, looks)."""
    scale = 1.0 + bound + HALF_STEP
    return _grown(places, lambda value: (value - HALF_STEP - bound) / scale, look)


def log_evidence_within(places: Places, margin: float, look: int = LOOK) -> Floats:
    """The weaker of both sides, as `betting` has it."""

    def staked(value: Floats) -> Floats:
        return (value + margin - HALF_STEP) / (1.0 + margin)

    return np.minimum(_grown(places, staked, look), _grown(-places, staked, look))


@dataclass(frozen=True, slots=True)
class Reached:
    """Labels at the first look at which each hypothesis was decided; infinite when never."""

    better: Floats
    worse: Floats
    equivalent: Floats

    @property
    def decided(self) -> Floats:
        """Whichever of the three came first."""
        return np.minimum(np.minimum(self.better, self.worse), self.equivalent)


def reached(places: Places, margin: float | None, asked: Thresholds, minimum: int = 100) -> Reached:
    """Without a margin nothing is called equivalent."""
    never = np.full(places.shape[0], NEVER)
    return Reached(
        first(log_evidence_above(places) >= asked.decided, minimum),
        first(log_evidence_above(-places) >= asked.decided, minimum),
        never
        if margin is None
        else first(log_evidence_within(places, margin) >= asked.equivalent, minimum),
    )


def first(crossed: NDArray[np.bool_], minimum: int = 0, look: int = LOOK) -> Floats:
    """Labels at the first look that is true, of each run."""
    labels = look * np.arange(1, crossed.shape[1] + 1)
    seen = crossed & (labels >= minimum)
    return np.where(seen.any(axis=1), labels[np.argmax(seen, axis=1)], NEVER)


def running_sums(values: Floats | Counts, look: int = LOOK) -> Floats:
    """Sums up to each look: (runs, labels) to (runs, looks)."""
    runs, labels = values.shape
    looks = labels // look
    pieces = values[:, : looks * look].reshape(runs, looks, look).sum(axis=2)
    return np.cumsum(pieces, axis=1, dtype=np.float64)


def _grown(places: Places, staked: Callable[[Floats], Floats], look: int) -> Floats:
    bets = np.log1p(np.multiply.outer(STAKES, staked(_GRID)))
    at = places + STEPS
    total: Floats | None = None
    for bet in bets:
        wealth = running_sums(bet[at], look)
        total = wealth if total is None else np.logaddexp(total, wealth)
    if total is None:
        raise RuntimeError("there are stakes")
    return np.asarray(total - np.log(STAKES.size))
