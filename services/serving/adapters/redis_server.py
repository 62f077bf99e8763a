"""Asks a Redis server how it is. `step` is called in a loop."""

import contextlib
import time
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, RedisError, ResponseError

from services.serving.metrics import RedisFigures, RedisMetrics


class RedisWatch:
    """Keeps the gauges of a Redis server up to date."""

    def __init__(self, redis: Redis, metrics: RedisMetrics) -> None:
        self._redis = redis
        self._metrics = metrics

    async def step(self) -> None:
        """Look once. A server that can't be asked is a figure, not a failure."""
        try:
            began = time.perf_counter()
            await self._ping()
            seconds = time.perf_counter() - began
            figures = await self._figures()
        except (RedisError, OSError, TimeoutError):
            self._metrics.silent()
        else:
            self._metrics.answered(seconds, figures)

    async def _ping(self) -> None:
        with contextlib.suppress(NoPermissionError):  # that is an answer, too
            await self._redis.ping()

    async def _figures(self) -> RedisFigures | None:
        try:
            return _read(await self._redis.info())
        except (ResponseError, KeyError):  # an ACL forbids it, or a server has other words
            return None


def _read(found: dict[str, Any]) -> RedisFigures:
    return RedisFigures(
        memory_bytes={
            "used": found["used_memory"],
            "limit": found["maxmemory"],
            "peak": found["used_memory_peak"],
        },
        clients=found["connected_clients"],
        persistence_ok=bool(found["aof_enabled"]) and found["aof_last_write_status"] == "ok",
        evicted_keys=found["evicted_keys"],
    )
