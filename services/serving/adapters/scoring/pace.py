"""How many rows a call may have, so that it stays well within its deadline."""

from typing import Final

_SHARE: Final = 0.2
"""Of the deadline that a call should take at most: rows differ, and the machine is shared."""
_FIRST_ROWS: Final = 64
_GROWTH: Final = 4


class Pace:
    """Follows what calls cost: down at once, up by a factor for each call that was quick."""

    def __init__(self, call_seconds: float, most_rows: int) -> None:
        self._budget = call_seconds * _SHARE
        self._most = most_rows
        self.rows = 1

    def begin(self, row_seconds: float | None) -> None:
        """A new process answered one row in so long; unknown where that row made it raise."""
        known = row_seconds is not None and row_seconds > 0.0
        self.rows = self._fitting(1, row_seconds or 0.0, _FIRST_ROWS) if known else 1

    def note(self, rows: int, seconds: float) -> None:
        """A call took so long."""
        self.rows = self._fitting(rows, seconds, self.rows * _GROWTH)

    def _fitting(self, rows: int, seconds: float, most: int) -> int:
        fitting = rows * self._budget / max(seconds, 1e-9)
        return max(1, int(min(fitting, most, self._most)))
