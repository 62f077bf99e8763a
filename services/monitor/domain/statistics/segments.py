"""Tables of different widths side by side in one flat vector, summed without a loop."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from understudy.profiles.arrays import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Segments:
    """Where each table lies in a flat vector; every table has at least one column."""

    widths: NDArray[np.intp]
    begins: NDArray[np.intp]

    def sums(self, flat: Floats) -> Floats:
        """Shape (…, columns) → (…, tables)."""
        return np.asarray(np.add.reduceat(flat, self.begins, axis=-1))

    def spread(self, values: Floats) -> Floats:
        """Shape (…, tables) → (…, columns): each table's value at each of its columns."""
        return np.repeat(values, self.widths, axis=-1)


def segments(widths: NDArray[np.intp]) -> Segments:
    """Tables of these widths, one after another."""
    return Segments(widths, np.cumsum(widths) - widths)
