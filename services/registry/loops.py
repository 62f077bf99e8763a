"""The one loop of the registry: noticing what other replicas have changed."""

from services.registry.operations import Snapshots
from understudy.runtime.loops import repeat


async def watch_for_changes(snapshots: Snapshots, pause_seconds: float) -> None:
    """Until cancelled."""
    await repeat("changes", snapshots.poll, pause_seconds=pause_seconds)
