"""Waiting a moment for callers that come together, where a call costs more than the wait."""

import time
from typing import Final

_LINGER_FROM_SECONDS: Final = 100e-6
"""Calls that are quicker are not worth a wait."""
_LINGER_SHARE: Final = 0.5
_LONGEST_LINGER_SECONDS: Final = 400e-6
"""How long callers that were answered together are waited for: a share of a call, and at most."""


class Linger:
    """How long a line waits for those who were answered together to be there together again."""

    def __init__(self, call_seconds: float) -> None:
        worth_it = call_seconds >= _LINGER_FROM_SECONDS
        longest = min(_LINGER_SHARE * call_seconds, _LONGEST_LINGER_SECONDS)
        self.seconds = longest if worth_it else 0.0
        self._together = 1
        self._until = 0.0

    def begin(self) -> None:
        """The first of the next call is there."""
        if self._together > 1 and self.seconds:
            self._until = time.perf_counter() + self.seconds

    def worth_it(self, waiting: int) -> bool:
        """Whether to let one more turn of the loop pass."""
        return 0 < waiting < self._together and time.perf_counter() < self._until

    def note(self, together: int) -> None:
        """So many requests go with a call."""
        self._together = together
