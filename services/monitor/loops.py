"""What runs in the background: following the registry, reporting to it, one loop per deployment."""

import asyncio

from services.monitor.metrics import MonitorMetrics
from services.monitor.operations import Clock, Monitoring, Watch
from understudy.contracts.registry import FollowerReport
from understudy.contracts.vocabulary import Component
from understudy.runtime.following import Follower, SnapshotSource
from understudy.runtime.loops import repeat


class Heartbeat:
    """Tells the registry which releases are watched: at each change, and now and then."""

    def __init__(
        self,
        monitoring: Monitoring,
        registry: SnapshotSource,
        instance: str,
        every_seconds: float,
        clock: Clock,
    ) -> None:
        self._monitoring = monitoring
        self._registry = registry
        self._instance = instance
        self._every_seconds = every_seconds
        self._clock = clock
        self._last: FollowerReport | None = None
        self._told_at = 0.0

    async def step(self) -> None:
        """Report when there is something new to say, or it was said long ago."""
        report = self._report()
        due = self._clock() - self._told_at >= self._every_seconds
        if report != self._last or due:
            await self._registry.report(report)
            self._last, self._told_at = report, self._clock()

    def _report(self) -> FollowerReport:
        watches = self._monitoring.watches
        return FollowerReport(
            instance=self._instance,
            component=Component.MONITOR,
            releases={
                name: watch.ready_release
                for name, watch in watches.items()
                if watch.ready_release is not None
            },
            failures={name: watch.failure for name, watch in watches.items() if watch.failure},
        )


class Watching:
    """Keeps one loop per watch, so that a deployment in trouble stops no other."""

    def __init__(
        self, monitoring: Monitoring, metrics: MonitorMetrics, pause_seconds: float
    ) -> None:
        self._monitoring = monitoring
        self._metrics = metrics
        self._pause_seconds = pause_seconds
        self._tasks: dict[Watch, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Until cancelled, which ends the loops too."""
        try:
            while True:
                self._monitoring.changed.clear()
                self._reconcile()
                await self._monitoring.changed.wait()
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _reconcile(self) -> None:
        wanted = set(self._monitoring.watches.values())
        for watch in self._tasks.keys() - wanted:
            self._tasks.pop(watch).cancel()
        for watch in wanted - self._tasks.keys():
            name = watch.deployment.name
            self._tasks[watch] = asyncio.create_task(self._repeat(name, watch))

    async def _repeat(self, name: str, watch: Watch) -> None:
        await repeat(
            f"watch:{name}",
            watch.step,
            pause_seconds=self._pause_seconds,
            on_failure=lambda _: self._metrics.step_failed(name),
        )


async def run_loops(follower: Follower, heartbeat: Heartbeat, watching: Watching) -> None:
    """All of them, until cancelled."""
    async with asyncio.TaskGroup() as loops:
        loops.create_task(repeat("follow", follower.step))
        loops.create_task(repeat("heartbeat", heartbeat.step, pause_seconds=0.5))
        loops.create_task(watching.run())
