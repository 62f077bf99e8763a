"""How much a key may ask. Plain frozen values: every domain may hold them."""

import math
from dataclasses import dataclass
from typing import Final

_MOST: Final = 2_147_483_647


@dataclass(frozen=True, slots=True)
class Limits:
    """Absent members are not limited."""

    requests_per_second: float | None = None
    """Over time; each request counts one, however many rows it has."""
    burst: int | None = None
    """Requests that may come at once after a pause; the rate, rounded up, where it is absent."""
    predictions_per_day: int | None = None
    """Rows that may be answered in one day of UTC."""

    def __post_init__(self) -> None:
        rate = self.requests_per_second
        if rate is not None and not 0 < rate <= _MOST:
            raise ValueError(f"requests_per_second is above 0 and at most {_MOST}")
        for name, count in (
            ("burst", self.burst),
            ("predictions_per_day", self.predictions_per_day),
        ):
            if count is not None and not 1 <= count <= _MOST:
                raise ValueError(f"{name} is at least 1 and at most {_MOST}")
        if self.burst is not None and rate is None:
            raise ValueError("burst needs requests_per_second: say both, or neither")

    @property
    def at_once(self) -> int:
        """How many requests may come at once; 0 where they are not limited."""
        if self.requests_per_second is None:
            return 0
        return self.burst or math.ceil(self.requests_per_second)
