"""The monitor's routes. All but the probes ask for a key."""

import base64
import binascii
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from services.monitor.operations import Monitoring, Reporting, Watch
from understudy.contracts.monitor import Assessment
from understudy.runtime.http import (
    liveness,
    readiness_response,
    refusal_response,
    request_id_of,
)
from understudy.runtime.keys import UnauthenticatedError, presented_key

_PROBE: Final = ["GET", "HEAD"]
_REPORT_HEADERS: Final = {
    "Cache-Control": "private, no-store",
    # The page carries scripts of its own and values that callers sent: it gets no origin, no net.
    "Content-Security-Policy": (
        "sandbox allow-scripts allow-downloads; default-src 'none'; img-src data: blob:; "
        "font-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline' 'unsafe-eval'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def monitor_routes(
    monitoring: Monitoring, reporting: Reporting, registry: CollectorRegistry
) -> APIRouter:
    """The routes over the operations."""
    router = APIRouter()

    def readable(deployment: str, request: Request) -> Watch:
        return monitoring.readable(presented_key(request.headers), deployment)

    @router.get("/v1/deployments/{deployment}/assessment")
    def assessment(watch: Annotated[Watch, Depends(readable)]) -> Assessment:
        return Assessment.model_validate(watch.assess(), from_attributes=True)

    @router.get("/v1/deployments/{deployment}/report")
    async def report(request: Request, deployment: str) -> Response:
        try:
            watch = monitoring.readable(_report_key(request), deployment)
        except UnauthenticatedError as refusal:
            return _ask_for_key(request, refusal)
        page = await reporting.page(watch.deployment)
        return Response(page, media_type="text/html", headers=_REPORT_HEADERS)

    @router.get("/metrics")
    def metrics(request: Request) -> Response:
        monitoring.scrapable(presented_key(request.headers))
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    @router.api_route("/readyz", methods=_PROBE)
    async def readyz() -> Response:
        return readiness_response(monitoring.missing())

    router.add_api_route("/livez", liveness, methods=_PROBE)
    return router


def _report_key(request: Request) -> str | None:
    """The key of the usual headers, or the password of HTTP Basic: what a browser can send."""
    if key := presented_key(request.headers):
        return key
    kind, _, credentials = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        text = base64.b64decode(credentials, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return text.partition(":")[2]


def _ask_for_key(request: Request, refusal: UnauthenticatedError) -> Response:
    """401; a browser is told to ask its user."""
    answer = refusal_response(
        refusal, instance=request.url.path, request_id=request_id_of(request.scope)
    )
    if "text/html" in request.headers.get("accept", ""):
        answer.headers["WWW-Authenticate"] = 'Basic realm="Understudy: an API key as password"'
    return answer
