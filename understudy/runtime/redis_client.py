"""How services talk to Redis: with deadlines, without hidden retries."""

import asyncio
from typing import Any

from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis
from redis.asyncio.client import Pipeline
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff


class TimedRedis(Redis):
    """A client whose every command ends within a time; raises TimeoutError when it is over.

    The library's own `socket_timeout` is not used: it sends through `asyncio.wait_for`, which on
    Python 3.11 loses a cancellation that comes as the sending ends, and costs a task each time.
    """

    def __init__(self, pool: ConnectionPool, seconds: float) -> None:
        super().__init__(connection_pool=pool)
        self.auto_close_connection_pool = True
        self._seconds = seconds

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send one command, read its answer."""
        async with asyncio.timeout(self._seconds):
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:  # noqa: FBT002 - the library's signature
        """Several commands at once, under the same deadline."""
        pipeline = TimedPipeline(
            self.connection_pool, self.response_callbacks, transaction, shard_hint
        )
        pipeline.seconds = self._seconds
        return pipeline


class TimedPipeline(Pipeline):
    """A pipeline that ends within a time, as a command does."""

    seconds: float

    async def execute(self, raise_on_error: bool = True) -> list[Any]:  # noqa: FBT002 - the library's signature
        """Send all commands, read their answers."""
        async with asyncio.timeout(self.seconds):
            return await super().execute(raise_on_error)


def redis_client(url: str, timeout_seconds: float, connections: int) -> Redis:
    """A client with its own, bounded pool of connections."""
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=connections,
        timeout=timeout_seconds,
        socket_timeout=None,
        socket_connect_timeout=timeout_seconds,
        # Whoever sends knows better whether and when to try again.
        retry=Retry(NoBackoff(), 0),
    )
    return TimedRedis(pool, timeout_seconds)
