"""Reports for people."""

import base64
import binascii
from typing import Final

from fastapi import APIRouter, Request, Response

from services.monitor.operations import Monitoring, Reporting
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


def report_routes(monitoring: Monitoring, reporting: Reporting) -> APIRouter:
    """Pages of Evidently; a browser may send the key as the password of HTTP Basic."""
    router = APIRouter()

    @router.get("/v1/deployments/{deployment}/report")
    async def report(request: Request, deployment: str) -> Response:
        try:
            watch = monitoring.readable(_report_key(request), deployment)
        except UnauthenticatedError as refusal:
            return _ask_for_key(request, refusal)
        page = await reporting.page(watch.deployment)
        return Response(page, media_type="text/html", headers=_REPORT_HEADERS)

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
