"""Signing in at an identity provider, for browsers: there, and back."""

from datetime import timedelta
from html import escape
from typing import Final
from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from services.registry.api.edge import Verbs
from services.registry.api.sessions import give_session, session_cookie
from services.registry.domain.errors import NotFoundError
from services.registry.domain.identities import StaleSignInError
from services.registry.operations.identities import Identities
from understudy.contracts.refusals import Refusal
from understudy.runtime.cookies import Cookie
from understudy.runtime.http import STATUS, when_to_come_again

BEGIN_PATH: Final = "/signin/oidc"
CALLBACK_PATH: Final = "/signin/oidc/callback"

router = APIRouter(include_in_schema=False)  # pages for browsers


_KEPT: Final = timedelta(minutes=10)
_MOST_CHARACTERS: Final = 8192
_HEADERS: Final = {
    "Cache-Control": "no-store",
    # The address of the way back holds the code.
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
}
_PAGE: Final = (
    "<!doctype html><html lang=en><meta charset=utf-8>"
    "<meta name=viewport content='width=device-width'><title>Not signed in</title>"
    "<style>body{{font:1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:20vh auto;"
    "padding:0 1rem;color-scheme:light dark}}</style>"
    "<h1>Not signed in</h1><p>{detail}</p><p><a href='{again}'>Sign in again</a></p></html>"
)


@router.get(BEGIN_PATH)
async def begin(request: Request, verbs: Verbs) -> Response:
    """Send the browser to the provider."""
    asked = request.query_params.get("next")
    try:
        begun = await _identities(verbs.identities).begin(asked)
    except Refusal as refusal:
        return _refused(refusal, asked)
    response = RedirectResponse(begun.url, 303, _HEADERS)
    _cookie(request).give(request, response, begun.sealed, _KEPT)
    return response


@router.get(CALLBACK_PATH)
async def callback(request: Request, verbs: Verbs) -> Response:
    """Back from the provider, with a code or without."""
    cookie = _cookie(request)
    try:
        if len(request.url.query) > _MOST_CHARACTERS:
            raise StaleSignInError("This is no answer of an identity provider; begin again.")
        signed_in, where = await _identities(verbs.identities).end(
            cookie.read(request), request.query_params
        )
    except Refusal as refusal:
        response = _refused(refusal, None)
    else:
        response = RedirectResponse(where, 303, _HEADERS)
        give_session(request, response, signed_in)
    # One attempt is for one answer.
    cookie.take(request, response)
    return response


def _identities(found: Identities | None) -> Identities:
    if found is None:
        raise NotFoundError("Nobody signs in by OpenID Connect here.")
    return found


def _cookie(request: Request) -> Cookie:
    return Cookie("understudy_elsewhere", session_cookie(request).security)


def _refused(refusal: Refusal, asked: str | None) -> Response:
    again = "/signin" if asked is None else f"/signin?next={quote(asked, safe='/')}"
    page = _PAGE.format(detail=escape(refusal.detail), again=escape(again))
    headers = {**_HEADERS, **when_to_come_again(refusal)}
    return HTMLResponse(page, STATUS[refusal.fault], headers)
