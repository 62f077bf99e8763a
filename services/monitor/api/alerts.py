"""Alerts: told by Alertmanager's webhook, listed for readers."""

from collections.abc import Callable
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request

from services.monitor.api.bodies import content_of, read
from services.monitor.api.door import Readable
from services.monitor.domain.deciding.alerts import Alert
from services.monitor.operations import Watch
from services.monitor.operations.alerts import Alerts, Told
from understudy.contracts.monitor import (
    AlertNotice,
    AlertReading,
    AlertResult,
    AlertResults,
    ToldAlert,
)
from understudy.contracts.registry import Page
from understudy.runtime.describing import takes
from understudy.runtime.keys import presented_key

_MOST_BYTES: Final = 1024**2
_SIGNATURE: Final = "x-understudy-signature"


def alert_routes(readable: Readable, alerts: Alerts, now: Callable[[], float]) -> APIRouter:
    """`POST /v1/alerts` and `GET …/alerts`."""
    router = APIRouter()

    @router.post("/v1/alerts", status_code=202, openapi_extra=takes(AlertNotice))
    async def tell(request: Request) -> AlertResults:
        if (claim := request.headers.get(_SIGNATURE)) is not None:
            signature = alerts.signed_lately(claim)
            content = await content_of(request, _MOST_BYTES)
            teller = signature.teller(content)
        else:
            teller = alerts.teller_by_key(presented_key(request.headers))
            content = await content_of(request, _MOST_BYTES)
        notice, at = read(content, AlertNotice), now()
        news = [(one.labels.get("deployment"), alert_of(one, at)) for one in notice.alerts]
        return AlertResults(alerts=tuple(_result(one) for one in await alerts.take(news, teller)))

    @router.get("/v1/deployments/{deployment}/alerts")
    async def held(watch: Annotated[Watch, Depends(readable)]) -> Page[AlertReading]:
        found = await alerts.of(watch)
        shown = (AlertReading.model_validate(one, from_attributes=True) for one in found)
        return Page(items=tuple(shown))

    return router


def alert_of(sent: ToldAlert, at: float) -> Alert:
    """As it was told at that moment."""
    ended = sent.ends_at if sent.status == "resolved" else None
    over = None if sent.status == "firing" else at if ended is None else ended.timestamp()
    notes = sent.annotations
    return Alert(
        name=sent.labels.get("alertname", ""),
        version=sent.labels.get("version", ""),
        fingerprint=sent.fingerprint,
        starts_at=sent.starts_at.timestamp(),
        first_told_at=at,
        told_at=at,
        ended_at=over,
        summary=notes.get("summary") or notes.get("description") or "",
        labels=sent.labels,
    )


def _result(one: Told) -> AlertResult:
    return AlertResult(
        deployment=one.deployment,
        alert=one.alert.name or None,
        fingerprint=one.alert.fingerprint,
        outcome=one.outcome,
        detail=one.detail,
    )
