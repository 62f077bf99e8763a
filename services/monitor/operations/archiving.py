"""Carries the log over to the archive, so that it may be trimmed. `step` is called in a loop.

The archive's own listing is the truth about what is in it. The positions in Redis follow it: they
are moved after a file is there, and when a file is found that a killed writer, or one before Redis
lost its last second, had finished, they are moved to its end instead of writing its rows twice.
"""

from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Final

import structlog

from services.monitor.domain.errors import PositionMovedError
from services.monitor.domain.parts import EntryId, Stream, Waiting
from services.monitor.metrics import ArchiveMetrics
from services.monitor.operations.sources import Clock
from services.monitor.ports import Archive, Backlog, Piece
from understudy.runtime.folders import FolderUnavailableError

_MOST_PARTS: Final = 20
"""Of one stream in one step, so that all streams get on."""
_CLOCKS_APART_SECONDS: Final = 86_400.0
"""Redis numbers entries by its own clock."""


class Archiving:
    """Archives the deployments that are ours to archive."""

    def __init__(
        self,
        archive: Archive,
        backlog: Backlog,
        deployments: Callable[[], Collection[str]],
        metrics: ArchiveMetrics,
        clock: Clock,
    ) -> None:
        self._archive = archive
        self._backlog = backlog
        self._deployments = deployments
        self._metrics = metrics
        self._clock = clock
        self._left_at: dict[str, dict[Stream, EntryId]] = {}
        """The positions as this process left them."""
        self._log = structlog.stdlib.get_logger()

    async def step(self) -> None:
        """One round; a stream in trouble stops no other, and is tried again in the next."""
        names = {*self._deployments()}
        for name in self._left_at.keys() - names:
            del self._left_at[name]
            self._metrics.forget(name)
        for name in names - self._left_at.keys():
            self._metrics.begins(name)
        for name in sorted(names):
            try:
                await self._carry(name)
            except Exception as error:  # noqa: BLE001 - whatever Redis or the store meets
                self._failed(name, None, error)

    async def _carry(self, deployment: str) -> None:
        positions = dict(await self._backlog.begin(deployment))
        before = self._left_at.get(deployment, {})
        for stream in Stream:
            try:
                if positions[stream] != before.get(stream):
                    positions[stream] = await self._adopt(deployment, stream, positions[stream])
                positions[stream] = await self._carry_stream(deployment, stream, positions[stream])
            except Exception as error:  # noqa: BLE001 - as above
                del positions[stream]  # looked at anew: it is not known how far it came
                self._failed(deployment, stream, error)
        self._left_at[deployment] = positions

    async def _carry_stream(self, deployment: str, stream: Stream, position: EntryId) -> EntryId:
        for _ in range(_MOST_PARTS):
            found = await self._backlog.next(deployment, stream, position)
            if not isinstance(found, Piece):
                self._tell_lag(deployment, stream, found)
                break
            size = await self._archive.write(found) if found.part.rows else 0
            if not await self._backlog.move(deployment, stream, position, found.part.last):
                raise PositionMovedError(f"{deployment}: {stream} is not at {position} any more")
            position = found.part.last
            self._metrics.wrote(deployment, stream, found.part.rows, size)
            self._metrics.lagged(deployment, stream, self._age(position))
        return position

    async def _adopt(self, deployment: str, stream: Stream, position: EntryId) -> EntryId:
        """Pass over what is archived beyond the position, as far as it is of this log.

        A log that was begun anew has other entries: nothing is passed over then.
        """
        today = datetime.fromtimestamp(self._clock() + _CLOCKS_APART_SECONDS, UTC).date()
        stored = await self._archive.parts(deployment, stream, position.day, today)
        for part in (each.part for each in stored):
            if part.first > position and await self._backlog.holds(deployment, stream, part.first):
                if not await self._backlog.move(deployment, stream, position, part.last):
                    raise PositionMovedError(f"{deployment}: {stream} is not at {position}")
                self._log.info("part_adopted", deployment=deployment, stream=str(stream))
                position = part.last
        return position

    def _tell_lag(self, deployment: str, stream: Stream, found: Waiting | None) -> None:
        self._metrics.lagged(deployment, stream, 0.0 if found is None else self._age(found.oldest))

    def _age(self, entry: EntryId) -> float:
        return max(0.0, self._clock() - entry.milliseconds / 1_000)

    def _failed(self, deployment: str, stream: Stream | None, error: Exception) -> None:
        self._metrics.failed(deployment)
        # Texts of errors quote what callers sent; where a store is may hold its password.
        self._log.warning(
            "archiving_failed",
            deployment=deployment,
            stream=None if stream is None else str(stream),
            error=type(error).__name__,
            detail=str(error) if isinstance(error, FolderUnavailableError) else None,
        )


class NotArchiving:
    """What happens instead while archiving is switched off: trimming is told not to wait."""

    def __init__(self, backlog: Backlog, deployments: Callable[[], Collection[str]]) -> None:
        self._backlog = backlog
        self._deployments = deployments
        self._told = set[str]()

    async def step(self) -> None:
        """Once for each deployment."""
        for name in {*self._deployments()} - self._told:
            await self._backlog.forget(name)
            self._told.add(name)


class Expiring:
    """Lets go of what is archived once it is old. `step` is called in a loop."""

    def __init__(
        self, archive: Archive, days: float | None, protected_days: float | None, clock: Clock
    ) -> None:
        self._archive = archive
        self._days = days
        self._protected_days = protected_days
        self._clock = clock

    async def step(self) -> None:
        """Whole days."""
        gone = await self._archive.expire(self._clock(), self._days, self._protected_days)
        if gone:
            structlog.stdlib.get_logger().info("archive_expired", folders=gone)
