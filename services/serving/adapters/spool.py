"""Where flushes are safe while Redis is slow or gone: files of this writer, and of dead ones.

Flushes that wait are written and synced together, in a thread. What a dead writer left is adopted
and drained before what is our own.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from services.serving.adapters.flushes import Flush
from services.serving.adapters.spool_folders import SpoolFolder, adopt, claim
from services.serving.adapters.spool_segments import HEADER_BYTES, Chunk, SegmentWriter
from services.serving.adapters.spool_stored import Segment, Stored
from services.serving.metrics import LogMetrics

SEGMENT_BYTES: Final = 16 * 1_024 * 1_024
_THREADS: Final = 2  # one that writes, one that reads


@dataclass(frozen=True, slots=True)
class _Appending:
    flush: Flush
    kept: asyncio.Future[bool]


class Spool:
    """All that this process has on disk for Redis, bounded in bytes."""

    def __init__(
        self,
        root: Path,
        writer: str,
        metrics: LogMetrics,
        *,
        most_bytes: int,
        segment_bytes: int = SEGMENT_BYTES,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self._root = root
        self._writer = writer
        self._metrics = metrics
        self._most_bytes = most_bytes
        self._segment_bytes = segment_bytes
        self._on_change = on_change
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="spool")
        self._adopted: deque[Stored] = deque()
        self._set_aside: list[Stored] = []
        self._own: _Own | None = None
        self._reading: Stored | None = None
        self._held: Counter[str] = Counter()
        self._queue: deque[_Appending] = deque()
        self._committing: asyncio.Task[None] | None = None
        self._arriving_bytes = 0
        self._takes = True
        self._log = structlog.stdlib.get_logger("log")

    @property
    def rows(self) -> int:
        """Rows on disk that Redis may not have."""
        return sum(stored.rows for stored in self._stored)

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(stored.size for stored in self._stored)

    def holds(self, deployment: str) -> bool:
        """Whether a flush of this writer to that deployment is not in Redis yet."""
        return deployment in self._held

    async def append(self, flush: Flush) -> bool:
        """True once the flush is synced to disk; False: the disk, or its share, is full or broken.

        Whoever stops waiting takes the flush back, unless it is being written.
        """
        size = flush.size + HEADER_BYTES
        if self.size + self._arriving_bytes + size > self._most_bytes:
            self._note("full")
            return False
        appending = _Appending(flush, asyncio.get_running_loop().create_future())
        self._queue.append(appending)
        self._arriving_bytes += size
        self._held[flush.deployment] += 1
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_all())
        return await appending.kept

    async def adopt(self) -> None:
        """Own what dead writers left, and try again what could not be read. Raises OSError."""
        self._adopted.extend(self._set_aside)
        self._set_aside.clear()
        loop = asyncio.get_running_loop()
        for folder in await loop.run_in_executor(self._threads, lambda: [*adopt(self._root)]):
            await self._take_over(folder)
        self._changed()

    async def read(self) -> Chunk | None:
        """The oldest flushes; None: there are none. Raises OSError."""
        while self._adopted:
            stored = self._reading = self._adopted[0]
            try:
                chunk = await stored.read()
            except OSError as error:
                self._put_aside(error)
                continue
            if chunk is not None:
                return chunk
            self._adopted.popleft()
            release = partial(stored.folder.release, delete=not stored.segments)
            await stored.in_thread(release)
        self._reading = self._own
        chunk = None if self._own is None else await self._own.read()
        if self._own is not None and not self._own.segments and not self._own.writing:
            # Records that could not be read hold nobody up any more.
            self._held = Counter(appending.flush.deployment for appending in self._queue)
        self._changed()
        return chunk

    async def advance(self, chunk: Chunk) -> None:
        """Redis has the chunk that was read last. Raises OSError."""
        if self._reading is not None:
            if self._reading is self._own:
                self._held -= Counter(flush.deployment for flush in chunk.flushes)
            await self._reading.advance(chunk)
        self._changed()

    async def close(self, seconds: float = 2.0) -> None:
        """Let go of all folders; what they hold is adopted by another process."""
        if self._committing is not None:
            await asyncio.wait([self._committing], timeout=seconds)
        self._threads.shutdown(wait=False, cancel_futures=True)
        stored, own = self._stored, self._own
        self._adopted.clear()
        self._set_aside.clear()
        self._own = None
        if own is not None and own.writing:
            return  # the disk hangs; the kernel lets go of everything when the process ends
        if own is not None:
            own.writer.close()
        for each in stored:
            each.folder.release(delete=not each.segments)

    @property
    def _stored(self) -> list[Stored]:
        own = [] if self._own is None else [self._own]
        return [*self._adopted, *self._set_aside, *own]

    async def _take_over(self, folder: SpoolFolder) -> None:
        """One that can't be looked at is let go of: whoever looks next tries it again."""
        stored = Stored(folder, self._threads, self._metrics)
        try:
            await stored.look()
        except OSError as error:
            folder.release(delete=False)
            self._log.warning("spool_not_adopted", writer=folder.path.name, error=repr(error))
            return
        self._adopted.append(stored)
        self._log.info("spool_adopted", writer=folder.path.name, rows=stored.rows)

    def _put_aside(self, error: OSError) -> None:
        """What can't be read holds up nothing behind it; it is tried again with the next look."""
        stored = self._adopted.popleft()
        self._set_aside.append(stored)
        self._metrics.spool_read_failed()
        if not stored.failed:
            stored.failed = True
            self._log.error("spool_unreadable", writer=stored.folder.path.name, error=repr(error))

    async def _commit_all(self) -> None:
        while self._queue:
            batch, self._queue = self._queue, deque()
            wanted = [appending for appending in batch if not appending.kept.done()]
            unwanted = [appending for appending in batch if appending.kept.done()]
            self._uncount(unwanted)
            problem = await self._problem_of_commit([appending.flush for appending in wanted])
            if problem:
                self._uncount(wanted)
            self._note(problem)
            for appending in wanted:
                if not appending.kept.done():
                    appending.kept.set_result(not problem)
            self._arriving_bytes = sum(a.flush.size + HEADER_BYTES for a in self._queue)
            self._changed()
        self._committing = None

    async def _problem_of_commit(self, flushes: Sequence[Flush]) -> str:
        try:
            await self._commit(flushes)
        except Exception as error:  # noqa: BLE001 - nobody may wait for ever, whatever happened
            return repr(error)
        return ""

    def _uncount(self, batch: Sequence[_Appending]) -> None:
        self._held -= Counter(appending.flush.deployment for appending in batch)

    async def _commit(self, flushes: Sequence[Flush]) -> None:
        if not flushes:
            return
        if self._own is None:
            loop = asyncio.get_running_loop()
            folder = await loop.run_in_executor(self._threads, claim, self._root, self._writer)
            self._own = _Own(folder, self._threads, self._metrics, self._segment_bytes)
        await self._own.write(flushes)

    def _changed(self) -> None:
        segments = sum(len(stored.segments) for stored in self._stored)
        self._metrics.spool(self.rows, self.size, segments)
        self._on_change()

    def _note(self, problem: str) -> None:
        """Log it once when the spool stops taking flushes, and once when it takes them again."""
        takes = not problem
        if takes is not self._takes:
            self._takes = takes
            if takes:
                self._log.info("spool_takes_rows_again")
            else:
                self._log.error("spool_takes_no_rows", reason=problem)


class _Own(Stored):
    """The folder that this process appends to."""

    def __init__(
        self, folder: SpoolFolder, threads: Executor, metrics: LogMetrics, segment_bytes: int
    ) -> None:
        super().__init__(folder, threads, metrics)
        self.writer = SegmentWriter(folder.path, segment_bytes)
        self.writing = False

    async def write(self, flushes: Sequence[Flush]) -> None:
        """Append and sync. Raises OSError."""
        self.writing = True
        try:
            path, size = await self.in_thread(partial(self.writer.write, flushes))
        finally:
            self.writing = False
        rows = sum(flush.rows for flush in flushes)
        if self.segments and self.segments[-1].path == path:
            self.segments[-1].size = size
            self.segments[-1].rows += rows
        else:
            self.segments.append(Segment(path, size, rows))

    def may_drop(self, segment: Segment) -> bool:
        """Not while more may be on its way into it."""
        if segment.drained < segment.size or self.writing:
            return False
        # The next record begins a new file.
        if segment is self.segments[-1]:
            self.writer.close()
        return True
