"""Which deployments this monitor works on, where several share them. `step` is called in a loop.

Each takes what is free, up to a fair share, and gives back what is more than that. Whoever dies
holds its leases until they run out; then the others' fair share has grown by then, too. What a
lease can't promise (its holder may be slow to notice that it ran out) the store does: a commit that
does not start from the stored positions is refused.
"""

import contextlib
import math
import random
from collections.abc import Callable, Collection

from services.monitor.metrics import LeaseMetrics
from services.monitor.operations.sources import Clock
from services.monitor.ports import Leases


class Sharing:
    """The leases of this process."""

    def __init__(
        self,
        leases: Leases,
        deployments: Callable[[], Collection[str]],
        seconds: float,
        metrics: LeaseMetrics,
        clock: Clock,
    ) -> None:
        self._leases = leases
        self._deployments = deployments
        self._seconds = seconds
        self._metrics = metrics
        self._clock = clock
        self._until: dict[str, float] = {}
        """By deployment: when our lease runs out, by our clock, which must not jump."""
        self._changed: list[Callable[[], None]] = []
        self._reached = False

    def subscribe(self, changed: Callable[[], None]) -> None:
        """Have it called when a lease came or went."""
        self._changed.append(changed)

    def holds(self, deployment: str) -> bool:
        """Whether the lease is ours, and has not run out meanwhile."""
        return self._until.get(deployment, -math.inf) > self._clock()

    def reached(self) -> bool:
        """Whether the store has ever answered."""
        return self._reached

    @property
    def held(self) -> frozenset[str]:
        """All that are ours."""
        return frozenset(name for name in self._until if self.holds(name))

    async def step(self) -> None:
        """Renew, give back what is too much, take what is free."""
        before, wanted = self.held, {*self._deployments()}
        try:
            share = math.ceil(len(wanted) / await self._leases.beat())
            self._reached = True
            for name in [*self._until]:
                if name not in wanted or not await self._hold(name):
                    await self._let_go(name)
            for name in [*self._until][share:]:
                await self._let_go(name)
            free = sorted(wanted - self._until.keys())
            random.shuffle(free)
            for name in free:
                if len(self._until) < share:
                    await self._hold(name)
        finally:
            self._tell(before)

    async def close(self) -> None:
        """Let go of everything, so that nobody has to wait; best effort."""
        before = self.held
        with contextlib.suppress(Exception):
            for name in [*self._until]:
                await self._let_go(name)
            await self._leases.leave()
        self._until.clear()
        self._tell(before)

    async def _hold(self, name: str) -> bool:
        until = self._clock() + self._seconds  # before it is asked for: ours ends first
        if not await self._leases.hold(name):
            self._until.pop(name, None)
            return False
        self._until[name] = until
        return True

    async def _let_go(self, name: str) -> None:
        """Work on it ends before another one can begin, but for what is under way."""
        self._until.pop(name, None)
        await self._leases.let_go(name)

    def _tell(self, before: frozenset[str]) -> None:
        held = self.held
        self._metrics.hold(len(held))
        if held != before:
            for changed in self._changed:
                changed()
