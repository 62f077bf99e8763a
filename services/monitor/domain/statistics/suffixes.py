"""Has something changed, whenever it may have begun: evidence over every suffix of a sequence.

Formula: with E_j the evidence (an e-process) of the blocks from j on, M = Σ_j E_j over the retained
starts j; there is an alarm once M reaches A.
Source: Shiryaev (1963), Roberts (1966); Shin, Ramdas & Rinaldo, "E-detectors: a nonparametric
framework for sequential change detection", 2024.
Guarantee: while nothing changes, on average at least A blocks pass before an alarm, at whatever
moments one looks, also within a block. Leaving starts out only makes M smaller, so they may be
thinned; which ones are kept is a function of the block numbers alone, hence M is one of the counts.
What it can't do: tell apart beginnings that lie between two retained starts.
"""

from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from understudy.profiles.arrays import Counts, Floats

Numbers = TypeVar("Numbers", np.int64, np.float64)

FINE: Final = 8
"""So many of the newest block numbers are all kept; then every second one, every fourth, …"""


def retained_starts(numbers: Counts, newest: int, fine: int = FINE) -> NDArray[np.intp]:
    """Places, in ascending `numbers` of blocks (minutes, say), of the starts that are looked at.

    Each octave of age is cut into at least `fine`/2 pieces, and the first block of each piece is
    kept, so that a beginning is met to within a quarter of its age, also when blocks are few.
    """
    ages = np.maximum(newest - numbers, 1)
    octaves = np.maximum(0, np.floor(np.log2(ages / fine)).astype(np.int64) + 1)
    before = np.concatenate([numbers[:1] - (1 << octaves[:1]), numbers[:-1]])
    return np.flatnonzero(numbers >> octaves != before >> octaves)


def suffix_sums(blocks: NDArray[Numbers], starts: NDArray[np.intp]) -> NDArray[Numbers]:
    """For each start, the sum of the blocks (first axis) from it to the end; shape (starts, …)."""
    if not starts.size:
        return blocks[:0]
    pieces = np.add.reduceat(blocks, starts, axis=0)
    return np.asarray(np.cumsum(pieces[::-1], axis=0, dtype=blocks.dtype)[::-1])


def log_change_evidence(log_evidence: Floats) -> float:
    """Logarithm of M; minus infinity without starts."""
    if not log_evidence.size:
        return float("-inf")
    return float(np.logaddexp.reduce(log_evidence))
