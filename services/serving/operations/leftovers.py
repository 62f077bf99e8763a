"""Places in the log of versions that owe no pairs any more and have no reader: given up in time.

A reader that ends gives up its place itself; one that was killed while it should have ended leaves
its place behind, and whoever trims the stream would wait for it for ever.
"""

import time
from collections.abc import Callable

from services.serving.metrics import ChallengerMetrics
from services.serving.operations.challenges import Challenges
from services.serving.ports import Places

Left = tuple[str, int]
"""Deployment, version."""


class Leftovers:
    """Looks for them. `step` is called in a loop."""

    def __init__(
        self,
        places: Places,
        challenges: Challenges,
        metrics: ChallengerMetrics,
        patience_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._places = places
        self._challenges = challenges
        self._metrics = metrics
        self._patience_seconds = patience_seconds
        self._clock = clock
        self._seen: dict[Left, float] = {}

    async def step(self) -> None:
        """Give up what nobody has come back for since it was first seen."""
        found = {
            (deployment, version)
            for deployment, owed in self._challenges.owed.items()
            for version in await self._places.versions(deployment) - owed
        }
        now = self._clock()
        self._seen = {left: self._seen.get(left, now) for left in found}
        for (deployment, version), since in self._seen.items():
            # Another challenger process, with an older snapshot, may be finishing it.
            if now - since > self._patience_seconds:
                entries = await self._places.give_up(deployment, version)
                self._metrics.abandoned(deployment, version, entries)
