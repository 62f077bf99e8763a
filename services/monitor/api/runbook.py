"""The runbook, for whoever an alert has sent here: open, since it holds no data."""

import base64
import hashlib
import re
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

PAGE: Final = Path(__file__).parent.parent / "pages" / "runbook.html"
_STYLE: Final = re.compile(rb"<style>(.*?)</style>", re.DOTALL)
_KEPT_SECONDS: Final = 300


def runbook_routes() -> APIRouter:
    """One page, read once; a browser that has it is told that it still holds."""
    router, content = APIRouter(), PAGE.read_bytes()
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {
        "Cache-Control": f"public, max-age={_KEPT_SECONDS}",
        "Content-Security-Policy": security_policy(content),
        "Cross-Origin-Resource-Policy": "same-origin",
        "ETag": tag,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }

    @router.api_route("/runbook", methods=["GET", "HEAD"], response_class=HTMLResponse)
    async def runbook(request: Request) -> Response:
        known = re.findall(r'"[^"]*"', request.headers.get("if-none-match", ""))
        if tag in known:
            return Response(status_code=304, headers=headers)
        return Response(content, headers=headers, media_type="text/html")

    return router


def security_policy(content: bytes) -> str:
    """The page's own style sheets, by their digests, and nothing else."""
    digests = (hashlib.sha256(style).digest() for style in _STYLE.findall(content))
    styles = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return (
        f"default-src 'none'; style-src {styles}; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
