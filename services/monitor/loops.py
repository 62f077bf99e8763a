"""What runs in the background: following the registry, reporting to it, one loop per deployment."""

import asyncio
import contextlib
import time
from collections.abc import Collection, Mapping
from typing import ClassVar, Final

import structlog

from services.monitor.domain.errors import NotReadyError
from services.monitor.metrics import MonitorMetrics
from services.monitor.operations import Clock, Monitoring, Watch
from services.monitor.operations.appraising import Appraising
from services.monitor.operations.judging import Judging
from services.monitor.operations.sharing import Sharing
from services.monitor.ports import References
from understudy.contracts.registry import FollowerReport
from understudy.contracts.vocabulary import Component
from understudy.runtime.following import Follower, SnapshotSource
from understudy.runtime.logs import without_message
from understudy.runtime.loops import cancel, repeat

_LOOK_AGAIN_SECONDS: Final = 5.0
_STAND_BY_SECONDS: Final = 5.0
_JUDGE_OTHERS_SECONDS: Final = 30.0
"""Between two judgements of a deployment that another monitor works on: they are only shown."""


class Heartbeat:
    """Tells the registry which releases are watched: at each change, and now and then."""

    LOOK_SECONDS: ClassVar = 0.5
    """Between steps."""

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
        self._last: tuple[Mapping[str, int], Mapping[str, str]] | None = None
        self._told_at = 0.0

    async def step(self) -> None:
        """Report when there is something new to say, or it was said long ago."""
        report = self._report()
        said = report.releases, report.failures  # which keys were used may wait
        due = self._clock() - self._told_at >= self._every_seconds
        if said != self._last or due:
            await self._registry.report(report)
            self._monitoring.uses.told(report.used)
            self._last, self._told_at = said, self._clock()

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
            used=dict(self._monitoring.uses.untold()),
        )


class Watching:
    """Keeps one loop per watch, so that a deployment in trouble stops no other.

    A watch that is ours is stepped; of the others only what is stored is seen now and then.
    """

    def __init__(
        self, monitoring: Monitoring, metrics: MonitorMetrics, pause_seconds: float
    ) -> None:
        self._monitoring = monitoring
        self._metrics = metrics
        self._pause_seconds = pause_seconds
        self._tasks: dict[Watch, asyncio.Task[None]] = {}
        self._stepped: dict[Watch, bool] = {}

    async def step(self) -> None:
        """Wait for watches to come or go, and have a loop for each; look now and then anyway."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_AGAIN_SECONDS):
                await self._monitoring.changed.wait()
        self._monitoring.changed.clear()
        held, watches = self._monitoring.held(), self._monitoring.watches
        wanted = {watch: name in held for name, watch in watches.items()}
        changed = {watch for watch in self._tasks if wanted.get(watch) != self._stepped[watch]}
        await self._end(changed)
        self._begin(wanted)

    async def close(self) -> None:
        """End all loops."""
        await self._end([*self._tasks])

    async def _end(self, watches: Collection[Watch]) -> None:
        """A loop that does not end is remembered, and asked again at the next look."""
        await cancel([self._tasks[watch] for watch in watches])
        for watch in watches:
            if self._tasks[watch].done():
                del self._tasks[watch], self._stepped[watch]

    def _begin(self, wanted: Mapping[Watch, bool]) -> None:
        """A deployment that is back waits until the loop of its former watch has ended."""
        busy = {watch.deployment.name for watch in self._tasks}
        for watch, ours in wanted.items():
            name = watch.deployment.name
            if name not in busy:
                self._stepped[watch] = ours
                self._tasks[watch] = asyncio.create_task(self._repeat(name, watch, ours=ours))

    async def _repeat(self, name: str, watch: Watch, *, ours: bool) -> None:
        await repeat(
            f"watch:{name}",
            watch.step if ours else watch.stand_by,
            pause_seconds=self._pause_seconds if ours else _STAND_BY_SECONDS,
            on_failure=lambda _: self._metrics.step_failed(name),
            told=without_message,  # what failed may be a label or an attribute
        )


class Leasing:
    """Keeps our leases, and looks for others at once when deployments come or go."""

    def __init__(self, sharing: Sharing, follower: Follower, lease_seconds: float) -> None:
        self._sharing = sharing
        self._every_seconds = lease_seconds / 3
        self._woken = asyncio.Event()
        follower.subscribe(lambda _: self._woken.set())

    async def step(self) -> None:
        """Wait for the time or a snapshot; then see to the leases."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._every_seconds):
                await self._woken.wait()
        self._woken.clear()
        await self._sharing.step()


class Tidying:
    """Lets go of samples and baselines that no deployment names any more."""

    PAUSE_SECONDS: ClassVar = 600.0
    """Between steps."""

    def __init__(self, follower: Follower, references: References) -> None:
        self._follower = follower
        self._references = references

    async def step(self) -> None:
        """Keep what the snapshot names; without a snapshot, everything."""
        snapshot = self._follower.snapshot
        if snapshot is not None:
            served = (one for deployment in snapshot.deployments for one in deployment.versions)
            await self._references.keep({file for version in served for file in version.samples})


class Concluding:
    """Judges every deployment in turn; one in trouble stops no other.

    What is ours is judged at each turn, what is another monitor's now and then.
    """

    def __init__(
        self,
        monitoring: Monitoring,
        judging: Judging,
        appraising: Appraising,
        metrics: MonitorMetrics,
        clock: Clock = time.monotonic,
    ) -> None:
        self._monitoring = monitoring
        self._clock = clock
        self._others_at = float("-inf")
        self._judging = judging
        self._appraising = appraising
        self._metrics = metrics
        self._log = structlog.stdlib.get_logger("concluding")

    async def step(self) -> None:
        """Judge and appraise each once; what could not be read yet is judged at the next turn."""
        for name, watch in self._due().items():
            try:
                with watch.effort.spent():
                    await self._judging.step(watch)
                    await self._appraising.step(watch)
            except NotReadyError:
                continue
            except Exception as error:  # noqa: BLE001 - one deployment's failure is told, and the next is judged
                self._metrics.judging_failed(name)
                self._log.warning("judging_failed", deployment=name, **without_message(error))

    def _due(self) -> Mapping[str, Watch]:
        if self._clock() - self._others_at < _JUDGE_OTHERS_SECONDS:
            return self._monitoring.held()
        self._others_at = self._clock()
        return dict(self._monitoring.watches)
