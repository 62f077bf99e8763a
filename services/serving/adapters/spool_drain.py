"""Brings what is on disk into Redis, in order, while live rows go their own way."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

import structlog

from services.serving.adapters.flushes import Flush
from services.serving.adapters.lanes import RefusedError
from services.serving.adapters.spool import Spool
from services.serving.adapters.spool_segments import Chunk
from services.serving.metrics import LogMetrics, LogState
from understudy.runtime.loops import Backoff

Apply = Callable[[Sequence[Flush]], Awaitable[None]]
"""Applies flushes of one writer to one deployment, once. Raises RefusedError, or anything."""


class Drain:
    """`step` is called in a loop."""

    def __init__(
        self, spool: Spool, apply: Apply, metrics: LogMetrics, backoff: Backoff | None = None
    ) -> None:
        self._spool = spool
        self._apply = apply
        self._metrics = metrics
        self._backoff = backoff or Backoff(0.05, 1.0)
        self._chunk: Chunk | None = None
        self._left: deque[list[Flush]] = deque()
        self._log = structlog.stdlib.get_logger("log")

    async def step(self) -> bool:
        """Bring one chunk in; False: there was none. Raises whatever stood in the way."""
        if self._chunk is None:
            self._chunk = await self._spool.read()
            if self._chunk is None:
                return False
            self._left.extend(_by_writer(self._chunk.flushes))
        while self._left:
            await self._replay(self._left[0])
            self._left.popleft()
        chunk, self._chunk = self._chunk, None
        await self._spool.advance(chunk)
        return True

    async def run(self, more: asyncio.Event) -> None:
        """Step until cancelled; waits for `more` when there is nothing."""
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            began = loop.time()
            try:
                found = await self.step()
            except Exception as error:  # noqa: BLE001 - what is on disk outlives whatever happens
                failures += 1
                if failures == 1:
                    self._log.warning("spool_drain_stalled", error=repr(error))
                await asyncio.sleep(self._backoff.delay(failures))
                continue
            failures = 0
            if found:
                # As long as it took: half of Redis's time, and of ours, is left to live rows.
                await asyncio.sleep(loop.time() - began)
            else:
                more.clear()
                await more.wait()

    async def _replay(self, flushes: Sequence[Flush]) -> None:
        state = LogState.REPLAYED
        try:
            await self._apply(flushes)
        except RefusedError as error:
            self._log.error("spooled_rows_refused", error=repr(error))
            state = LogState.DROPPED
        rows = sum(flush.rows for flush in flushes)
        self._metrics.settled(flushes[0].deployment, state, rows)


def _by_writer(flushes: Sequence[Flush]) -> list[list[Flush]]:
    """Each writer's flushes to a deployment, in order: a script takes them together."""
    found: dict[str, list[Flush]] = {}
    for flush in flushes:
        found.setdefault(flush.key, []).append(flush)
    return [*found.values()]
