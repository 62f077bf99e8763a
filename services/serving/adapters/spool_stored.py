"""A folder of flushes that is drained from its oldest record on, by whoever owns it."""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import structlog

from services.serving.adapters.spool_folders import SpoolFolder
from services.serving.adapters.spool_segments import Chunk, count_rows, read_chunk
from services.serving.metrics import BadRecord, LogMetrics

CHUNK_BYTES: Final = 1_024 * 1_024

Result = TypeVar("Result")


@dataclass(slots=True)
class Segment:
    """A file of records, as far as they are whole."""

    path: Path
    size: int
    rows: int
    """Rows that are not drained."""
    drained: int = 0
    """Where the next record to drain begins."""


class Stored:
    """What a folder holds. Its files are touched in threads alone."""

    def __init__(self, folder: SpoolFolder, threads: Executor, metrics: LogMetrics) -> None:
        self.folder = folder
        self.segments: deque[Segment] = deque()
        self.failed = False
        """Whether it could not be read once, which was logged."""
        self._threads = threads
        self._metrics = metrics

    @property
    def rows(self) -> int:
        """Rows that Redis may not have."""
        return sum(segment.rows for segment in self.segments)

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(segment.size for segment in self.segments)

    async def look(self) -> None:
        """Find what a former owner left. Raises OSError."""
        self.segments.extend(await self.in_thread(partial(_left_behind, self.folder)))

    async def read(self) -> Chunk | None:
        """What comes next; None when there is nothing for now. Raises OSError."""
        while await self._drop_finished():
            pass  # several may be: empty ones, and those that were drained before
        if not self.segments or self.segments[0].drained >= self.segments[0].size:
            return None
        head = self.segments[0]
        chunk = await self.in_thread(
            partial(read_chunk, head.path, head.drained, head.size, CHUNK_BYTES)
        )
        if chunk.corrupt or chunk.torn:
            self._tell(head, chunk)
        return chunk

    async def advance(self, chunk: Chunk) -> None:
        """Redis has what was read last: never read it again. Raises OSError."""
        head = self.segments[0]
        head.drained = chunk.end
        head.rows -= sum(flush.rows for flush in chunk.flushes)
        if not await self._drop_finished():
            write = partial(self.folder.write_position, head.path.name, head.drained)
            await self.in_thread(write)

    async def in_thread(self, function: Callable[[], Result]) -> Result:
        """Call what blocks."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, function)

    def may_drop(self, segment: Segment) -> bool:
        """Whether nothing more comes into a segment that is drained."""
        return segment.drained >= segment.size

    async def _drop_finished(self) -> bool:
        if not self.segments or not self.may_drop(self.segments[0]):
            return False
        path = self.segments.popleft().path
        await self.in_thread(partial(path.unlink, missing_ok=True))
        return True

    def _tell(self, segment: Segment, chunk: Chunk) -> None:
        self._metrics.bad_records(BadRecord.CORRUPT, chunk.corrupt)
        self._metrics.bad_records(BadRecord.TORN, int(chunk.torn))
        structlog.stdlib.get_logger("log").error(
            "spool_records_unreadable",
            segment=str(segment.path),
            corrupt=chunk.corrupt,
            torn=chunk.torn,
        )


def _left_behind(folder: SpoolFolder) -> list[Segment]:
    current, offset = folder.read_position()
    found = []
    for path in folder.segments():
        drained, size = (offset if path.name == current else 0), path.stat().st_size
        found.append(Segment(path, size, count_rows(path, drained, size), drained))
    return found
