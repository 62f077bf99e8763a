"""People at the door: a session's cookie in place of a key, and what changes must show besides."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs, quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope

from services.registry.api.rereading import with_body
from services.registry.domain.people_refusals import CrossSiteError
from services.registry.operations.sessions import Sessions, Visitor
from understudy.runtime.cookies import Cookie, foreign

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_FORM: Final = "application/x-www-form-urlencoded"
_FORM_BYTES: Final = 256 * 1024
_FIELDS: Final = 200
_FIELD: Final = "csrf_token"


class Visitors:
    """Lets in who is signed in."""

    def __init__(self, sessions: Sessions, cookie: Cookie) -> None:
        self._sessions = sessions
        self._cookie = cookie

    async def admit(self, scope: Scope, receive: Receive) -> tuple[Visitor, Receive] | None:
        """Who it is, and the body as it is to be read from here on; None without a session.

        Raises CrossSiteError for a change that the person did not ask for on a page of ours;
        ClientDisconnect when the person has gone.
        """
        request = HTTPConnection(scope)
        token = self._cookie.read(request)
        visitor = await run_in_threadpool(self._sessions.visitor, token) if token else None
        if visitor is None:
            return None
        if scope["method"] in _SAFE:
            return visitor, receive
        if foreign(request):
            raise CrossSiteError("A page of another site sent this.")
        shown = request.headers.get("x-csrf-token")
        if shown is None and request.headers.get("content-type", "").startswith(_FORM):
            body = await _bounded_body(receive)
            shown, receive = _field(body), with_body(body, receive)
        if shown is None or not visitor.knows(shown):
            raise CrossSiteError(
                "With a session, changes need its token: the header X-CSRF-Token, or the form "
                f"field {_FIELD}. GET /v1/me tells it."
            )
        return visitor, receive


def to_sign_in(scope: Scope) -> Response | None:
    """Where a browser goes that asks for a page without a session; None for who asks otherwise."""
    headers = HTTPConnection(scope).headers
    page = scope["method"] in {"GET", "HEAD"} and not scope["path"].startswith("/v1/")
    if not page or "text/html" not in headers.get("accept", ""):
        return None
    query = scope.get("query_string", b"").decode("latin-1")
    wanted = scope["path"] + (f"?{query}" if query else "")
    where = "/signin" if wanted == "/" else f"/signin?next={quote(wanted, safe='/')}"
    return RedirectResponse(where, 303, {"Cache-Control": "no-store"})


async def _bounded_body(receive: Receive) -> bytes:
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > _FORM_BYTES:
            raise CrossSiteError(f"A form has at most {_FORM_BYTES} bytes.")
    return bytes(body)


def _field(body: bytes) -> str | None:
    try:
        found: Mapping[str, list[str]] = parse_qs(
            body.decode("ascii"), max_num_fields=_FIELDS, strict_parsing=False
        )
    except ValueError:
        return None
    shown = found.get(_FIELD, [])
    return shown[0] if len(shown) == 1 else None
