"""How serving and the challenger process talk to Redis: with deadlines, without hidden retries."""

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff


def redis_client(url: str, timeout_seconds: float, connections: int) -> Redis:
    """A client whose every command ends within the time, give or take a wait for a connection."""
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=connections,
        timeout=timeout_seconds,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        # Whoever sends knows better whether and when to try again.
        retry=Retry(NoBackoff(), 0),
    )
    return Redis.from_pool(pool)
