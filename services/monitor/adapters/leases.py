"""Leases as keys in Redis that run out, and who is there as a set of those who said so lately."""

import contextlib
import os
import uuid
from pathlib import Path
from typing import Any, Final

from redis.asyncio import Redis

MEMBERS: Final = "understudy:monitors"
"""Sorted set: each monitor, by when it counts as gone; milliseconds of Redis's clock."""
_HOLD: Final = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
_LET_GO: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
"""
_BEAT: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
return redis.call('ZCARD', KEYS[1])
"""


def lease_key(deployment: str) -> str:
    """String: who holds it."""
    return f"understudy:{{{deployment}}}:monitor:lease"


def kept_token(path: Path) -> str:
    """The token in a file of ours, made the first time: a restart takes its own leases up again.

    Where nothing can be kept it is another one each time, and others' patience has to run out.
    """
    with contextlib.suppress(OSError):
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_suffix(f".{os.getpid()}")
            draft.write_text(uuid.uuid4().hex)
            draft.replace(path)
        if token := path.read_text().strip():
            return token
    return uuid.uuid4().hex


class RedisLeases:
    """Implements `ports.Leases` for whoever goes by the token."""

    def __init__(self, redis: Redis, seconds: float, token: str) -> None:
        self._redis = redis
        self._milliseconds = max(1, round(seconds * 1_000))
        self._token = token
        self._hold = redis.register_script(_HOLD)
        self._let_go = redis.register_script(_LET_GO)
        self._beat = redis.register_script(_BEAT)

    async def hold(self, deployment: str) -> bool:
        """One script."""
        held: Any = await self._hold(
            keys=[lease_key(deployment)], args=[self._token, self._milliseconds]
        )
        return bool(held)

    async def let_go(self, deployment: str) -> None:
        """One script."""
        await self._let_go(keys=[lease_key(deployment)], args=[self._token])

    async def beat(self) -> int:
        """One script."""
        there: Any = await self._beat(keys=[MEMBERS], args=[self._token, self._milliseconds])
        return int(there)

    async def leave(self) -> None:
        """One ZREM."""
        await self._redis.zrem(MEMBERS, self._token)
