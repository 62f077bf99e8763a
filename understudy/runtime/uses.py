"""When keys were used: noted where somebody is let in, told to the registry now and then."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

_COARSE: Final = timedelta(minutes=1)
_MOST: Final = 10_000
"""What a report may hold."""


class Uses:
    """The last use of each key, to the minute."""

    def __init__(self) -> None:
        self._noted: dict[str, datetime] = {}
        self._untold: dict[str, datetime] = {}

    def note(self, key: str, now: datetime) -> None:
        """A key was let in."""
        noted = self._noted.get(key)
        if noted is None or now - noted >= _COARSE or now < noted:
            self._noted[key] = self._untold[key] = now

    def untold(self) -> Mapping[str, datetime]:
        """What the registry does not know, as far as one report holds it; oldest first."""
        return dict([*self._untold.items()][:_MOST])

    def told(self, uses: Mapping[str, datetime]) -> None:
        """The registry has been told."""
        for key, at in uses.items():
            if self._untold.get(key) == at:
                del self._untold[key]
        if uses:
            # Keys that are gone must not stay for ever.
            newest = max(uses.values())
            self._noted = {k: at for k, at in self._noted.items() if newest - at < 2 * _COARSE}
