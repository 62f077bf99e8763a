"""How serving's log fares, as its open readiness probe tells."""

from typing import Final

from pydantic import BaseModel

from understudy.client import ClientError, ServingClient

_PATIENCE_SECONDS: Final = 2.0


class _Log(BaseModel):
    degraded: bool
    spooled_rows: int


class _Readiness(BaseModel):
    log: _Log


def log_health(serving: ServingClient) -> str | None:
    """What is wrong with the log of the worker that answers; None when nothing is, or none does."""
    try:
        answer = serving.ask("GET", "/readyz", timeout_seconds=_PATIENCE_SECONDS)
        log = serving.read(answer, _Readiness).log
    except ClientError:
        return None
    if not log.degraded:
        return None
    rows = log.spooled_rows
    return f"degraded; rows on disk, not in Redis yet, of the worker that was asked: {rows}"
