"""Answers that are handed out again for some seconds, and worked out once however many ask."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Final, TypeVar

from services.monitor.operations.sources import Clock

Answer = TypeVar("Answer")

_KEPT: Final = 256
"""Answers that are held; the oldest goes first."""


class Fresh:
    """By key: the answer of late, the one that is being worked out, or a new one."""

    def __init__(self, seconds: float, clock: Clock) -> None:
        self._seconds = seconds
        self._clock = clock
        self._held: dict[Hashable, tuple[float, Any]] = {}
        self._underway: dict[Hashable, asyncio.Task[Any]] = {}

    async def get(self, key: Hashable, work: Callable[[], Awaitable[Answer]]) -> Answer:
        """Who asks while it is being worked out waits for the same; a failure is everybody's."""
        worked_at, held = self._held.get(key, (float("-inf"), None))
        if 0 <= self._clock() - worked_at < self._seconds:
            found: Answer = held
            return found
        task: asyncio.Task[Answer] | None = self._underway.get(key)
        if task is None:
            task = asyncio.create_task(self._work(key, work))
            self._underway[key] = task
            task.add_done_callback(lambda done: self._ended(key, done))
        # Whoever goes away does not take the answer from the others.
        return await asyncio.shield(task)

    async def _work(self, key: Hashable, work: Callable[[], Awaitable[Answer]]) -> Answer:
        now = self._clock()
        found = await work()
        self._held.pop(key, None)
        while len(self._held) >= _KEPT:
            del self._held[next(iter(self._held))]
        self._held[key] = (now, found)
        return found

    def _ended(self, key: Hashable, task: "asyncio.Task[Any]") -> None:
        del self._underway[key]
        if not task.cancelled():
            task.exception()  # seen, even where everybody has gone away
