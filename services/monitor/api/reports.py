"""Reports for people."""

import base64
import binascii
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse

from services.monitor.api.windows import WindowQuery, ask_of
from services.monitor.operations import Monitoring, Reporting, Watch
from understudy.contracts.monitor import ReportView
from understudy.contracts.registry import Page
from understudy.runtime.describing import asks
from understudy.runtime.http import (
    refusal_response,
    request_id_of,
)
from understudy.runtime.keys import UnauthenticatedError, presented_key

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


_MOST_LISTED: Final = 100


def report_routes(monitoring: Monitoring, reporting: Reporting) -> APIRouter:
    """Pages of Evidently; a browser may send the key as the password of HTTP Basic."""
    router = APIRouter()

    def readable(deployment: str, request: Request) -> Watch:
        return monitoring.readable(_report_key(request), deployment)

    @router.get(
        "/v1/deployments/{deployment}/report",
        response_class=HTMLResponse,
        openapi_extra=asks(WindowQuery),
    )
    async def report(request: Request, deployment: str) -> Response:
        try:
            watch = readable(deployment, request)
        except UnauthenticatedError as refusal:
            return _ask_for_key(request, refusal)
        ask = ask_of(dict(request.query_params), monitoring.now(), monitoring.window_seconds)
        return _page(await reporting.page(watch, ask))

    @router.get("/v1/deployments/{deployment}/reports")
    async def reports(
        watch: Annotated[Watch, Depends(readable)],
        limit: Annotated[int, Query(ge=1, le=_MOST_LISTED)] = _MOST_LISTED,
        cursor: str = "~",
    ) -> Page[ReportView]:
        kept = await reporting.kept(watch.deployment.name)
        older = [one for one in kept if one.id < cursor]
        items = [ReportView.model_validate(one, from_attributes=True) for one in older[:limit]]
        more = len(older) > limit
        return Page(items=tuple(items), next_cursor=items[-1].id if more else None)

    @router.get("/v1/deployments/{deployment}/reports/{report_id}", response_class=HTMLResponse)
    async def kept_report(request: Request, deployment: str, report_id: str) -> Response:
        try:
            watch = readable(deployment, request)
        except UnauthenticatedError as refusal:
            return _ask_for_key(request, refusal)
        return _page(await reporting.kept_page(watch.deployment.name, report_id))

    return router


def _page(content: bytes) -> Response:
    return Response(content, media_type="text/html", headers=_REPORT_HEADERS)


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
