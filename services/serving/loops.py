"""Background work: staying at the registry's newest snapshot, and running challengers' readers."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final

import structlog

from services.serving.operations.pairing import Pairing
from understudy.contracts.registry import FollowerReport, Snapshot
from understudy.runtime.following import Follower, SnapshotSource
from understudy.runtime.loops import Backoff, cancel, repeat

_RETRY: Final = Backoff(0.5, 15.0)
_FIRST_ANSWER_SECONDS: Final = 3.0
_UNSETTLED_HEARTBEAT_SECONDS: Final = 1.0


class Following:
    """Takes up each snapshot, tries again what failed, and reports what came of it."""

    def __init__(
        self,
        follower: Follower,
        source: SnapshotSource,
        take_up: Callable[[Snapshot], Coroutine[Any, Any, bool]],
        report: Callable[[], FollowerReport],
        heartbeat_seconds: float,
        *,
        told: Callable[[FollowerReport], None] = lambda _: None,
    ) -> None:
        self._told = told
        self._follower = follower
        self._source = source
        self._take_up = take_up
        self._report = report
        self._heartbeat_seconds = heartbeat_seconds
        self._arrived = asyncio.Event()
        self._changed = asyncio.Event()
        self._failures = 0
        self._settled = False
        self._log = structlog.stdlib.get_logger("following")
        follower.subscribe(lambda _: self._arrived.set())

    async def begin(self, seconds: float) -> None:
        """Take up the registry's snapshot, or the one on disk when the registry is silent."""
        try:
            async with asyncio.timeout(_FIRST_ANSWER_SECONDS):
                await self._follower.step()
        except Exception as error:  # noqa: BLE001 - whatever it is, the start must not hang on it
            found = self._follower.resume()
            self._log.warning("registry_silent_at_start", cached=found, error=repr(error))
        if self._follower.snapshot is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.move()

    async def run(self) -> None:
        """Follow until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follower.run())
            group.create_task(repeat("take_up", self.move))
            group.create_task(repeat("report", self.tell))

    async def move(self) -> None:
        """Wait for a snapshot, or for the time to try one again, and take it up."""
        retry_in = _RETRY.delay(self._failures) if self._failures else None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(retry_in):
                await self._arrived.wait()
        # Failed until it is through: whatever cuts it off, it is tried again.
        self._failures = 1 if self._arrived.is_set() else self._failures + 1
        self._arrived.clear()
        snapshot = self._follower.snapshot
        if snapshot is not None and await self._taken_up(snapshot):
            self._failures = 0
        self._changed.set()

    async def tell(self) -> None:
        """Report after a change, and now and then; more often while something is on its way."""
        longest = self._heartbeat_seconds if self._settled else _UNSETTLED_HEARTBEAT_SECONDS
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(longest):
                await self._changed.wait()
        self._changed.clear()
        report = self._report()
        await self._source.report(report)
        self._told(report)
        self._settled = self._everything_is_in(report)

    async def _taken_up(self, snapshot: Snapshot) -> bool:
        """False when it failed in part, or was cut off by a newer snapshot, which is next then."""
        taking = asyncio.create_task(self._take_up(snapshot))
        newer = asyncio.create_task(self._arrived.wait())
        try:
            await asyncio.wait([taking, newer], return_when=asyncio.FIRST_COMPLETED)
            return taking.done() and taking.result()
        finally:
            await cancel([taking, newer])

    def _everything_is_in(self, report: FollowerReport) -> bool:
        snapshot = self._follower.snapshot
        return snapshot is not None and all(
            report.releases.get(deployment.name) == deployment.release
            for deployment in snapshot.deployments
        )


class Readers:
    """Runs each challenger version's reader by itself, so that none holds up or breaks another."""

    def __init__(self, watch_seconds: float = 2.0) -> None:
        self._watch_seconds = watch_seconds
        self._tasks: dict[Pairing, asyncio.Task[None]] = {}

    def run(self, pairings: Iterable[Pairing]) -> None:
        """Have these running; each goes on until it has ended by itself."""
        for pairing in pairings:
            if pairing not in self._tasks:
                self._tasks[pairing] = asyncio.create_task(self._run(pairing))

    async def close(self) -> None:
        """Stop all at once: what they had in hand comes back when they are started again."""
        await cancel([*self._tasks.values()])

    async def _run(self, pairing: Pairing) -> None:
        loops = [
            asyncio.create_task(
                repeat(f"pair {pairing.name}", pairing.step, on_failure=pairing.note_failure)
            ),
            asyncio.create_task(
                repeat(f"watch {pairing.name}", pairing.watch, pause_seconds=self._watch_seconds)
            ),
        ]
        try:
            await pairing.ended.wait()
        finally:
            await cancel(loops)
            await pairing.close()
            del self._tasks[pairing]
