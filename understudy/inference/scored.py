"""What a model is to us: something that answers checked rows with numbers. Pure values."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from understudy.inference.rows import Rows

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scored:
    """Answers to n rows.

    `values`: the predicted numbers, or the indices of the predicted classes in the signature's
    order. `probabilities`: n × classes in that order, where the model gives them.
    """

    values: Floats
    probabilities: Floats | None = None

    def part(self, start: int, stop: int) -> "Scored":
        """The answers to some of the rows."""
        found = self.probabilities
        return Scored(self.values[start:stop], None if found is None else found[start:stop])


class Runner(Protocol):
    """A loaded model. It raises whatever its library raises."""

    def score(self, rows: Rows) -> Scored:
        """Answer all rows in one call; every figure in the answer is finite."""
