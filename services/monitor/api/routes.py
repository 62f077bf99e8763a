"""All routes, joined."""

from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from services.monitor.api.alerts import alert_routes
from services.monitor.api.archive import archive_routes
from services.monitor.api.door import readable_by
from services.monitor.api.drift import drift_routes
from services.monitor.api.outcomes import outcome_routes
from services.monitor.api.replays import replay_routes
from services.monitor.api.reports import report_routes
from services.monitor.api.runbook import runbook_routes
from services.monitor.api.verdicts import verdict_routes
from services.monitor.operations import Monitoring, Reporting, Watch
from services.monitor.operations.alerts import Alerts
from services.monitor.operations.appraising import Appraising
from services.monitor.operations.history import History
from services.monitor.operations.replaying import Replaying
from understudy.contracts.monitor import Assessment
from understudy.runtime.describing import described
from understudy.runtime.http import liveness, readiness_response
from understudy.runtime.keys import presented_key

OPEN: Final = frozenset({"/livez", "/readyz", "/runbook"})
"""What needs no key."""
_PROBE: Final = ["GET", "HEAD"]


@dataclass(frozen=True, slots=True)
class Surface:
    """The operations that routes are over."""

    monitoring: Monitoring
    reporting: Reporting
    appraising: Appraising
    registry: CollectorRegistry
    history: History
    replaying: Replaying
    alerts: Alerts


def monitor_routes(surface: Surface) -> APIRouter:
    """The routes over the operations."""
    router = APIRouter()
    monitoring = surface.monitoring
    readable = readable_by(monitoring)

    @router.get("/v1/deployments/{deployment}/assessment")
    def assessment(watch: Annotated[Watch, Depends(readable)]) -> Assessment:
        return Assessment.model_validate(watch.assess(), from_attributes=True)

    router.include_router(drift_routes(readable))
    router.include_router(verdict_routes(readable, monitoring.now))
    router.include_router(alert_routes(readable, surface.alerts, monitoring.now))
    router.include_router(outcome_routes(readable, surface.appraising))
    router.include_router(report_routes(monitoring, surface.reporting))
    router.include_router(archive_routes(readable, surface.history))
    router.include_router(replay_routes(monitoring, surface.replaying))

    @router.get("/v1/openapi.json", include_in_schema=False)
    def openapi(request: Request) -> dict[str, Any]:
        monitoring.caller(presented_key(request.headers))
        return described(request.app, OPEN)

    @router.get("/metrics", response_class=PlainTextResponse)
    def metrics(request: Request) -> Response:
        monitoring.scrapable(presented_key(request.headers))
        return Response(generate_latest(surface.registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    router.include_router(runbook_routes())

    @router.api_route("/readyz", methods=_PROBE)
    async def readyz() -> Response:
        return readiness_response(monitoring.missing())

    router.add_api_route("/livez", liveness, methods=_PROBE)
    return router
