"""Alerts that somebody told of, in Redis: one hash for each deployment, for all monitors.

Any monitor may be told, and whichever works on the deployment judges. A change is stored only where
nobody else has stored one meanwhile; all of a deployment's alerts go by themselves once nobody has
told of any for as long as they are shown.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.monitor.domain.deciding.alerts import KEPT_SECONDS, Alert, AlertBook
from services.monitor.domain.errors import AlertsUnavailableError

_COMMIT: Final = """
if (redis.call('HGET', KEYS[1], 'revision') or '0') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'revision', ARGV[2], 'alerts', ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1
"""


class StoredAlert(msgspec.Struct, frozen=True, array_like=True):
    """One alert as it is stored; new members go to the end and have a default."""

    name: str
    version: str
    fingerprint: str
    starts_at: float
    first_told_at: float
    told_at: float
    ended_at: float | None
    summary: str
    labels: dict[str, str]
    told_by: str


_DECODER: Final = msgspec.msgpack.Decoder(tuple[StoredAlert, ...])


def alerts_key(deployment: str) -> str:
    """Hash: revision and alerts."""
    return f"understudy:{{{deployment}}}:monitor:alerts"


class RedisAlertStore:
    """Implements `ports.AlertStore`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._commit = redis.register_script(_COMMIT)

    async def load(self, deployment: str) -> AlertBook:
        """One HMGET; what an older Understudy wrote in another shape is forgotten."""
        found: Any = self._redis.hmget(alerts_key(deployment), ("revision", "alerts"))
        with _available():
            revision, alerts = await found
        return AlertBook(int(revision or 0), () if alerts is None else _decoded(alerts))

    async def commit(self, deployment: str, book: AlertBook) -> bool:
        """One script."""
        with _available():
            applied: Any = await self._commit(
                keys=[alerts_key(deployment)],
                args=[book.revision, book.revision + 1, _encoded(book), round(KEPT_SECONDS)],
            )
        return bool(applied)


@contextmanager
def _available() -> Iterator[None]:
    try:
        yield
    except RedisError as error:
        what = f"Alerts can't be kept: Redis does not answer ({type(error).__name__})."
        raise AlertsUnavailableError(what, retry_after=1.0) from error


def _encoded(book: AlertBook) -> bytes:
    return msgspec.msgpack.encode(
        [
            StoredAlert(
                name=alert.name,
                version=alert.version,
                fingerprint=alert.fingerprint,
                starts_at=alert.starts_at,
                first_told_at=alert.first_told_at,
                told_at=alert.told_at,
                ended_at=alert.ended_at,
                summary=alert.summary,
                labels=dict(alert.labels),
                told_by=alert.told_by,
            )
            for alert in book.alerts
        ]
    )


def _decoded(alerts: bytes) -> tuple[Alert, ...]:
    try:
        held = _DECODER.decode(alerts)
    except msgspec.DecodeError:
        return ()
    return tuple(Alert(**msgspec.structs.asdict(one)) for one in held)
