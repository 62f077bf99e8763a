"""The cookie of a session, and what tells a request of one's own pages from another site's."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import Response

_USUAL_PORTS: Final = frozenset({80, 443})


class CookieSecurity(StrEnum):
    """When cookies are kept off connections that are not encrypted."""

    AUTO = "auto"
    """Whenever the request came by https."""
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Cookie:
    """One cookie that no script reads and that other sites' forms don't carry along.

    By https its name has the prefix `__Host-`, so that no neighbouring host can plant it.
    """

    name: str
    security: CookieSecurity = CookieSecurity.AUTO

    def read(self, request: HTTPConnection) -> str | None:
        """Its value; the name without prefix counts for nothing by https."""
        return request.cookies.get(self._name(request))

    def give(self, request: HTTPConnection, response: Response, value: str, age: timedelta) -> None:
        """Have the browser keep it for that long."""
        response.set_cookie(
            self._name(request),
            value,
            max_age=int(age.total_seconds()),
            path="/",
            secure=self._secure(request),
            httponly=True,
            samesite="lax",
        )

    def take(self, request: HTTPConnection, response: Response) -> None:
        """Have the browser forget it."""
        response.delete_cookie(
            self._name(request),
            path="/",
            secure=self._secure(request),
            httponly=True,
            samesite="lax",
        )

    def _name(self, request: HTTPConnection) -> str:
        return f"__Host-{self.name}" if self._secure(request) else self.name

    def _secure(self, request: HTTPConnection) -> bool:
        return self.security is CookieSecurity.ALWAYS or request.url.scheme == "https"


def foreign(request: HTTPConnection) -> bool:
    """Whether a browser says that another site's page sent the request.

    Programs say nothing of the kind, and carry no cookies that they were not given.
    """
    headers: Headers = request.headers
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site not in {"same-origin", "none"}:
        return True
    hidden = site == "same-origin" and origin == "null"  # a page of ours that tells no referrer
    if origin is None or hidden:
        return False
    place = _place(origin)
    return place[0] is None or place != _place(f"{request.url.scheme}://{headers.get('host', '')}")


def _place(origin: str) -> tuple[str | None, int | None]:
    # Not the scheme: a proxy that ends TLS may not say that it did.
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return None, None
    return parts.hostname, None if port in _USUAL_PORTS else port
