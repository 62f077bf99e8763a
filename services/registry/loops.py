"""The loops of the registry: noticing what other replicas have changed, telling of its own jobs."""

import asyncio
from typing import Final

from services.registry.operations import Jobs, Snapshots
from understudy.runtime.loops import repeat

_BEAT_SECONDS: Final = 5.0


async def watch_for_changes(snapshots: Snapshots, pause_seconds: float) -> None:
    """Until cancelled."""
    await repeat("changes", snapshots.poll, pause_seconds=pause_seconds)


async def tell_of_jobs(jobs: Jobs) -> None:
    """Until cancelled."""

    async def beat() -> None:
        await asyncio.to_thread(jobs.beat)

    await repeat("jobs", beat, pause_seconds=_BEAT_SECONDS)
