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

_HERE: Final = Path(__file__).parent.parent

SECURITY_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_NEVER_KEPT: Final = {"Cache-Control": "no-store", **SECURITY_HEADERS}
_MEDIA_TYPES: Final = {
    "form.css": "text/css",
    "form.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class _Asset:
    content: bytes
    tag: str


class Documents:
    """The templates and the assets, read once."""

    def __init__(self) -> None:
        self._assets = {name: _asset(_HERE / "static" / name) for name in _MEDIA_TYPES}
        self._templates = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
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
        return HTMLResponse(body, status, {**_NEVER_KEPT, **(headers or {})})

    async def asset(self, request: Request) -> Response:
        """`GET /static/{name}`: kept for good, because its address changes with its content."""
        name = request.path_params["name"]
        asset = self._assets.get(name)
        if asset is None:
            return Response("Not found", 404, _NEVER_KEPT, media_type="text/plain")
        current = request.query_params.get("v") == asset.tag
        kept = "public, max-age=31536000, immutable" if current else "no-cache"
        return Response(
            asset.content,
            headers={"Cache-Control": kept, **SECURITY_HEADERS},
            media_type=_MEDIA_TYPES[name],
        )

    def _address(self, name: str) -> str:
        # Relative to /{deployment}/form, so that it holds behind a proxy that adds a path.
        return f"../static/{name}?v={self._assets[name].tag}"


def _asset(path: Path) -> _Asset:
    content = path.read_bytes()
    return _Asset(content, hashlib.sha256(content).hexdigest()[:12])
