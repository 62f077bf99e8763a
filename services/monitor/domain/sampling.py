"""At most so many rows of a stream of unknown length, evenly spread over it."""

from collections.abc import Sequence

import numpy as np

from services.monitor.domain.rows import PredictionRows


class EvenSample:
    """Takes each k-th row, and doubles k whenever twice as many are held as are wanted."""

    def __init__(self, most_rows: int, main: int | None = None) -> None:
        """Of what this main answered, or of everything."""
        self._main = main
        self._most_rows = most_rows
        self._stride = 1
        self._seen = 0
        self._rows = 0
        self._held: list[PredictionRows] = []

    @property
    def seen(self) -> int:
        """How many rows went by."""
        return self._seen

    def add(self, entry: PredictionRows) -> None:
        """The next rows."""
        if self._main not in {None, entry.main}:
            return
        rows = len(entry.ids)
        first = -self._seen % self._stride
        self._seen += rows
        self._keep(entry.take(np.arange(first, rows, self._stride)))
        while self._rows > 2 * self._most_rows:
            self._thin()

    def rows(self) -> Sequence[PredictionRows]:
        """What is held, in order: not more than are wanted, of all that went by."""
        wanted = np.linspace(0, self._rows, min(self._rows, self._most_rows), endpoint=False)
        places, found, before = wanted.astype(np.intp), [], 0
        for entry in self._held:
            first, last = np.searchsorted(places, [before, before + len(entry.ids)])
            if last > first:
                found.append(entry.take(places[first:last] - before))
            before += len(entry.ids)
        return found

    def _thin(self) -> None:
        self._stride *= 2
        held, self._held, self._rows, before = self._held, [], 0, 0
        for entry in held:
            rows = len(entry.ids)
            self._keep(entry.take(np.arange(before % 2, rows, 2)))
            before += rows

    def _keep(self, entry: PredictionRows) -> None:
        if entry.ids:
            self._held.append(entry)
            self._rows += len(entry.ids)
