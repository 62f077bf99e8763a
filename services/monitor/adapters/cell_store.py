"""State in Redis, beside the streams that it was counted from.

One script applies a whole change if the stored positions are those that the change starts from.
So a change is applied once: by one of two monitors, or by one of two tries of the same monitor.
Because state and log live in the same server, whatever it forgets of one it forgets of both.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from redis.asyncio import Redis

from services.monitor.adapters.cell_codec import (
    decode_cell,
    decode_totals,
    encode_cell,
    encode_totals,
)
from services.monitor.domain.accounting import Change, Positions, State, Totals
from services.monitor.domain.cells import Cell, CellId
from services.monitor.domain.errors import LabelsElsewhereError
from understudy.contracts.events import monitor_positions_key

_ELSEWHERE: Final = -1
STREAMS: Final = ("predictions", "pairs", "labels", "protected")

_COMMIT: Final = """
local outcomes = redis.call('GET', KEYS[4])
if outcomes and outcomes ~= ARGV[11] then return -1 end
local held = redis.call('HMGET', KEYS[1], 'predictions', 'pairs', 'labels', 'protected')
for i = 1, 4 do
  if (held[i] or '0-0') ~= ARGV[i] then return 0 end
end
redis.call('HSET', KEYS[1], 'predictions', ARGV[5], 'pairs', ARGV[6], 'labels', ARGV[7],
  'protected', ARGV[8])
redis.call('SET', KEYS[2], ARGV[9])
redis.call('SET', KEYS[4], ARGV[11])
local at = 12
for _ = 1, tonumber(ARGV[10]) do
  redis.call('HSET', KEYS[3], ARGV[at], ARGV[at + 1])
  at = at + 2
end
while at <= #ARGV do
  redis.call('HDEL', KEYS[3], ARGV[at])
  at = at + 1
end
return 1
"""


def totals_key(deployment: str) -> str:
    """String: the totals."""
    return f"understudy:{{{deployment}}}:monitor:totals"


def cells_key(deployment: str) -> str:
    """Hash: cells by minute and reference."""
    return f"understudy:{{{deployment}}}:monitor:cells"


def outcomes_key(deployment: str) -> str:
    """String: the id of the outcome store that the deployment's labels are in."""
    return f"understudy:{{{deployment}}}:monitor:outcomes"


class RedisCellStore:
    """Implements `ports.CellStore`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._script = redis.register_script(_COMMIT)

    async def load(self, deployment: str) -> State:
        """Everything in one transaction, so that it belongs together; decoded in a thread."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hmget(monitor_positions_key(deployment), STREAMS)
            pipe.get(totals_key(deployment))
            pipe.hgetall(cells_key(deployment))
            positions, totals, cells = await pipe.execute()
        return State(
            positions=_positions(positions),
            totals=Totals() if totals is None else decode_totals(totals),
            cells=await asyncio.to_thread(_cells, cells),
        )

    async def positions(self, deployment: str) -> Positions:
        """One HMGET."""
        found: Any = self._redis.hmget(monitor_positions_key(deployment), STREAMS)
        return _positions(await found)

    async def outcomes(self, deployment: str) -> str | None:
        """One GET."""
        found: Any = await self._redis.get(outcomes_key(deployment))
        return None if found is None else found.decode()

    async def commit(self, deployment: str, change: Change, outcomes: str) -> bool:
        """One script."""
        before, after = change.before, change.after
        cells = [
            part
            for name, cell in change.cells.items()
            for part in (_field(name), encode_cell(cell))
        ]
        applied: Any = await self._script(
            keys=[
                monitor_positions_key(deployment),
                totals_key(deployment),
                cells_key(deployment),
                outcomes_key(deployment),
            ],
            args=[
                *(before.predictions, before.pairs, before.labels, before.protected),
                *(after.predictions, after.pairs, after.labels, after.protected),
                encode_totals(change.totals),
                len(change.cells),
                outcomes,
                *cells,
                *(_field(name) for name in change.expired),
            ],
        )
        if applied == _ELSEWHERE:
            holder = await self.outcomes(deployment)
            raise LabelsElsewhereError(deployment, holder)
        return bool(applied)


def _positions(stored: list[bytes | None]) -> Positions:
    return Positions(*(value.decode() if value else "0-0" for value in stored))


def _cells(stored: Mapping[bytes, bytes]) -> dict[CellId, Cell]:
    return {_cell_id(name): decode_cell(data) for name, data in stored.items()}


def _field(name: CellId) -> bytes:
    """An hour's cell says how long it is; a minute's does not."""
    length = "" if name.minutes == 1 else f":{name.minutes}"
    return f"{name.minute}:{name.fingerprint}{length}".encode()


def _cell_id(field: bytes) -> CellId:
    minute, fingerprint, *length = field.decode().split(":")
    return CellId(int(minute), fingerprint, *map(int, length))
