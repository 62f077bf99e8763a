"""Checked rows as models get them: typed columns, whatever protocol brought them. Pure values."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Rows:
    """N checked rows, columns in the order of the signature.

    `numbers`: n × numeric features (numbers, integers, booleans), NaN where null. `texts`: one
    list for each category, None where null.
    """

    numbers: NDArray[np.float64]
    texts: tuple[list[str | None], ...]

    def __len__(self) -> int:
        return len(self.numbers)

    def at(self, places: NDArray[np.intp]) -> "Rows":
        """The rows at these places, in their order; a place may be named again."""
        chosen = places.tolist()
        return Rows(self.numbers[places], tuple([texts[i] for i in chosen] for texts in self.texts))

    def part(self, start: int, stop: int) -> "Rows":
        """Some of the rows."""
        return Rows(self.numbers[start:stop], tuple(texts[start:stop] for texts in self.texts))


def joined(parts: Sequence[Rows]) -> Rows:
    """The rows of all parts, in order."""
    if len(parts) == 1:
        return parts[0]
    texts = zip(*(part.texts for part in parts), strict=True)
    return Rows(
        np.concatenate([part.numbers for part in parts]),
        tuple([text for column in columns for text in column] for columns in texts),
    )
