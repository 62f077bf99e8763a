"""Liveness, readiness and metrics."""

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from services.registry.api.edge import Scraper, Verbs
from services.registry.operations.reach import require_whole
from understudy.runtime.http import liveness, readiness_response

router = APIRouter()
router.add_api_route("/livez", liveness, methods=["GET", "HEAD"])


@router.api_route("/readyz", methods=["GET", "HEAD"])
def readiness(request: Request) -> Response:
    """The database answers and the artifact folder is there."""
    return readiness_response(request.app.state.missing())


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(caller: Scraper, verbs: Verbs, request: Request) -> Response:
    """In Prometheus' text format."""
    require_whole(caller, "Reading the metrics")
    figures = await run_in_threadpool(verbs.measures.figures)
    # Gauges are cleared and set again without a pause in which another scrape could look.
    request.app.state.metrics.show(figures)
    body = generate_latest(request.app.state.collectors)
    return Response(body, headers={"Content-Type": CONTENT_TYPE_LATEST})
