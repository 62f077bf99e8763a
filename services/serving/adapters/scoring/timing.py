"""A share of rows answered alone, by main and challenger in turn: latencies that compare."""

import random
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Final

from services.serving.adapters.scoring.models import Model
from understudy.inference.rows import Rows

_MOST_PER_SECOND: Final = 20.0
"""Timing costs two calls a row: at a high rate the share gets smaller."""
_MOST_SAVED: Final = 5.0
_MOST_SECONDS: Final = 0.5
"""A call for timing that went on for so long is the last of its batch."""
_SELDOM_SECONDS: Final = 10.0
"""After so long without, a row is timed whatever the share."""


@dataclass(frozen=True, slots=True)
class Timed:
    """Which rows were timed, and the seconds that each took."""

    rows: list[int] = field(default_factory=list)
    main: list[float] = field(default_factory=list)
    challenger: list[float] = field(default_factory=list)


UNTIMED: Final = Timed()


class Timing:
    """Chooses rows and times them beside one main version."""

    def __init__(
        self, main: Model, ratio: float, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._main = main
        self._ratio = ratio
        self._clock = clock
        self._random = random.Random(main.version)  # noqa: S311 - a sample, not a secret
        self._owed = 1.0 if ratio > 0.0 else 0.0
        self._allowed = _MOST_SAVED
        self._at = clock()
        self._last = clock()
        self._main_first = False

    def take(self, challenger: Model, main: int, rows: Rows, failed: Collection[int]) -> Timed:
        """Time some of the rows that both can answer; none that another main answered."""
        count = self._due(len(rows))
        if main != self._main.version or count == 0:
            return UNTIMED
        chosen = sorted(self._random.sample(range(len(rows)), min(count, len(rows))))
        found, began = Timed(), self._clock()
        for index in chosen:
            if index not in failed and self._clock() - began < _MOST_SECONDS:
                self._time(challenger, rows.part(index, index + 1), index, found)
        return found

    def _due(self, rows: int) -> int:
        """How many rows to time of so many: the share, as far as the second allows."""
        now = self._clock()
        self._allowed = min(_MOST_SAVED, self._allowed + (now - self._at) * _MOST_PER_SECOND)
        self._at = now
        self._owed += rows * self._ratio
        if self._ratio > 0.0 and now - self._last > _SELDOM_SECONDS:
            self._owed = max(self._owed, 1.0)
        count = int(min(self._owed, self._allowed))
        if count:
            self._last = now
            self._allowed -= count
            # What was not allowed is not made up for.
            self._owed %= 1.0
        return count

    def _time(self, challenger: Model, row: Rows, index: int, found: Timed) -> None:
        # In turn: whoever is second may find caches warm.
        self._main_first = not self._main_first
        order = (self._main, challenger) if self._main_first else (challenger, self._main)
        try:
            seconds = {model.version: self._seconds(model, row) for model in order}
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - not timed then, and no harm done
            return
        found.rows.append(index)
        found.main.append(seconds[self._main.version])
        found.challenger.append(seconds[challenger.version])

    def _seconds(self, model: Model, row: Rows) -> float:
        started = self._clock()
        model.runner.score(row)
        return self._clock() - started
