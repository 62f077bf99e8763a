"""Trims the log behind every reader. `step` is called in a loop."""

import time
from collections.abc import Callable, Sequence
from typing import Final

from services.serving.domain.trimming import Cut, EntryId, Owed, Retention, Stream, cut
from services.serving.metrics import TrimmingMetrics
from services.serving.ports import Streams
from understudy.contracts.events import challenger_group
from understudy.contracts.registry import DeploymentSnapshot, Snapshot

MOST_AT_ONCE: Final = 10_000
"""Entries in one command, so that Redis is not held up."""
_MOST_COMMANDS: Final = 20
"""For one stream in one step; what is left goes in the next."""


class Trimming:
    """Looks at the streams of all deployments, deleted ones too."""

    def __init__(
        self,
        streams: Streams,
        snapshot: Callable[[], Snapshot | None],
        retention: Retention,
        metrics: TrimmingMetrics,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._streams = streams
        self._snapshot = snapshot
        self._retention = retention
        self._metrics = metrics
        self._clock = clock

    async def step(self) -> None:
        """Trim once. Nothing is trimmed before it is known who owes pairs."""
        snapshot = self._snapshot()
        if snapshot is None:
            return
        owed = {deployment.name: _owed(deployment) for deployment in snapshot.deployments}
        names = await self._streams.deployments()
        for name in sorted(names):
            await self._trim(name, owed.get(name, ()))
        self._metrics.keep(names)

    async def _trim(self, deployment: str, owed: Sequence[Owed]) -> None:
        look = await self._streams.look(deployment, [each.version for each in owed])
        for stream, contents in look.streams.items():
            plan = cut(stream, look, owed, self._retention, self._clock())
            trimmed = await self._carry_out(deployment, stream, plan)
            self._metrics.trimmed(deployment, stream, trimmed)
            left = contents.entries - trimmed
            self._metrics.looked(deployment, stream, left, contents.size, plan.held_by)

    async def _carry_out(self, deployment: str, stream: Stream, plan: Cut) -> int:
        """How many entries went."""
        gone = await self._bring_down(deployment, stream, plan.below, None)
        return gone + await self._bring_down(deployment, stream, plan.behind, plan.surplus - gone)

    async def _bring_down(
        self, deployment: str, stream: Stream, below: EntryId, most: int | None
    ) -> int:
        gone = 0
        for _ in range(_MOST_COMMANDS):
            share = MOST_AT_ONCE if most is None else min(most - gone, MOST_AT_ONCE)
            went = await self._streams.trim(deployment, stream, below, share) if share > 0 else 0
            gone += went
            if went == 0:
                # Little is left before the id now, so that no bound is needed.
                return (
                    gone
                    if most is not None
                    else gone + await self._streams.trim(deployment, stream, below)
                )
        return gone


def _owed(deployment: DeploymentSnapshot) -> tuple[Owed, ...]:
    return tuple(
        Owed(
            pairing.version,
            challenger_group(pairing.version),
            pairing.since.timestamp(),
            pairing.version in deployment.challengers,
        )
        for pairing in deployment.pairings
    )
