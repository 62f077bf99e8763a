"""The two kinds of vector that everything here counts with."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Categories = Sequence[str | None]


def zeros(length: int) -> Counts:
    """A vector of counts before anything was counted."""
    return np.zeros(length, dtype=np.int64)
