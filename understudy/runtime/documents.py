"""Renders pages, and hands out their style sheet and script. All text is escaped by the templates.

Pages are answers to one person, so nothing may keep them; nothing is loaded from elsewhere.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


NO_REFERRER: Final = "no-referrer"


def security_headers(referrer: str = NO_REFERRER) -> Mapping[str, str]:
    """What a page and its assets say to browsers."""
    return {
        "Content-Security-Policy": _POLICY,
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": referrer,
        "X-Content-Type-Options": "nosniff",
    }


@dataclass(frozen=True, slots=True)
class _Asset:
    content: bytes
    tag: str
    media_type: str


class Documents:
    """The templates and the assets of a service, read once from its folder."""

    def __init__(
        self,
        folder: Path,
        assets: Mapping[str, str],
        *,
        static: str,
        referrer: str = NO_REFERRER,
    ) -> None:
        """`assets` are media types by name; `static` is where pages find them."""
        self._headers = security_headers(referrer)
        self._static = static
        self._assets = {
            name: _asset(folder / "static" / name, kind) for name, kind in assets.items()
        }
        self._templates = Environment(
            loader=FileSystemLoader(folder / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals["asset"] = self._address

    def page(
        self, template: str, status: int, headers: Mapping[str, str] | None = None, **shown: object
    ) -> Response:
        """One page as a response that nobody keeps."""
        body = self._templates.get_template(template).render(shown)
        return HTMLResponse(body, status, {**self._never_kept, **(headers or {})})

    async def asset(self, request: Request) -> Response:
        """`GET /static/{name}`: kept for good, because its address changes with its content."""
        asset = self._assets.get(request.path_params["name"])
        if asset is None:
            return Response("Not found", 404, self._never_kept, media_type="text/plain")
        current = request.query_params.get("v") == asset.tag
        kept = "public, max-age=31536000, immutable" if current else "no-cache"
        return Response(
            asset.content,
            headers={"Cache-Control": kept, **self._headers},
            media_type=asset.media_type,
        )

    @property
    def _never_kept(self) -> Mapping[str, str]:
        return {"Cache-Control": "no-store", **self._headers}

    def _address(self, name: str) -> str:
        return f"{self._static}/{name}?v={self._assets[name].tag}"


def _asset(path: Path, media_type: str) -> _Asset:
    content = path.read_bytes()
    return _Asset(content, hashlib.sha256(content).hexdigest()[:12], media_type)
