"""What the interaction probe keeps, in Redis: one hash for each deployment.

Evidence and position change in one script, and only from the position that a look began at. So a
window is bet on once: by one of two monitors, or by one of two tries of the same one.
"""

from typing import Any, Final

import msgspec
import numpy as np
from redis.asyncio import Redis

from services.monitor.domain.probes import Probe
from services.monitor.domain.statistics.bounds import STAKES
from services.monitor.domain.statistics.interaction import HISTORIES, Wealth

_COMMIT: Final = """
if (redis.call('HGET', KEYS[1], 'position') or '0-0') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'position', ARGV[2], 'state', ARGV[3])
return 1
"""


class StoredProbe(msgspec.Struct, frozen=True, array_like=True):
    """What is stored beside the position; new members go to the end and have a default."""

    reference: str
    logs: bytes
    bets: int
    quiet: int
    rising: float
    since: float | None
    pairs: tuple[tuple[str, str], ...]
    window_at: float
    looked_at: float | None


def probe_key(deployment: str) -> str:
    """Hash: position and state."""
    return f"understudy:{{{deployment}}}:monitor:probe"


class RedisProbeStore:
    """Implements `ports.ProbeStore`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._commit = redis.register_script(_COMMIT)

    async def load(self, deployment: str) -> Probe | None:
        """One HMGET; what an older Understudy wrote in another shape is none."""
        found: Any = self._redis.hmget(probe_key(deployment), ("position", "state"))
        position, state = await found
        return None if position is None or state is None else _decoded(position.decode(), state)

    async def commit(self, deployment: str, before: str, probe: Probe) -> bool:
        """One script."""
        applied: Any = await self._commit(
            keys=[probe_key(deployment)], args=[before, probe.position, _encoded(probe)]
        )
        return bool(applied)


def _encoded(probe: Probe) -> bytes:
    wealth = probe.wealth
    return msgspec.msgpack.encode(
        StoredProbe(
            reference=probe.reference,
            logs=wealth.logs.astype("<f8").tobytes(),
            bets=wealth.bets,
            quiet=wealth.quiet,
            rising=wealth.rising,
            since=wealth.since,
            pairs=probe.pairs,
            window_at=probe.window_at,
            looked_at=probe.looked_at,
        )
    )


def _decoded(position: str, state: bytes) -> Probe:
    """A shape of other classifiers or stakes begins anew, after the position."""
    try:
        held = msgspec.msgpack.decode(state, type=StoredProbe)
        logs = np.frombuffer(held.logs, dtype="<f8").reshape(len(HISTORIES), STAKES.size)
    except (msgspec.DecodeError, ValueError):
        return Probe(reference="", position=position)
    wealth = Wealth(logs, held.bets, held.quiet, held.rising, held.since)
    return Probe(held.reference, position, wealth, held.pairs, held.window_at, held.looked_at)
