"""The loops of the registry: noticing changes of other replicas, telling of its jobs, sweeping."""

import asyncio
from typing import Final

from services.registry.operations import Followers, Jobs, Snapshots
from services.registry.operations.staging import Staging
from understudy.runtime.loops import repeat

_BEAT_SECONDS: Final = 5.0
_SWEEP_SECONDS: Final = 300.0


async def watch_for_changes(snapshots: Snapshots, pause_seconds: float) -> None:
    """Until cancelled."""
    await repeat("changes", snapshots.poll, pause_seconds=pause_seconds)


async def tell_of_jobs(*lines: Jobs) -> None:
    """Until cancelled."""

    async def beat() -> None:
        for jobs in lines:
            await asyncio.to_thread(jobs.beat)

    await repeat("jobs", beat, pause_seconds=_BEAT_SECONDS)


async def keep_uses(followers: Followers) -> None:
    """Until cancelled."""

    async def keep() -> None:
        if used := followers.uses.untold():
            await asyncio.to_thread(followers.keep_uses, used)
            followers.uses.told(used)

    await repeat("uses", keep, pause_seconds=_BEAT_SECONDS)


async def sweep_staged(staging: Staging) -> None:
    """Until cancelled."""

    async def sweep() -> None:
        await asyncio.to_thread(staging.sweep)

    await repeat("staged", sweep, pause_seconds=_SWEEP_SECONDS)
