"""Signing in and out by JSON, for programs that act for a person."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.registry.api.edge import Verbs
from services.registry.domain.people_refusals import CrossSiteError
from services.registry.operations.sessions import SignedIn
from understudy.contracts.people import SessionView, SignInRequest
from understudy.runtime.cookies import Cookie, foreign

router = APIRouter(prefix="/v1/sessions")


@router.post("", status_code=201)
def sign_in(verbs: Verbs, body: SignInRequest, request: Request, response: Response) -> SessionView:
    """Open a session; the cookie holds it, and changes repeat its token in `X-CSRF-Token`."""
    if foreign(request):
        raise CrossSiteError("A page of another site may not sign anybody in.")
    signed_in = verbs.sessions.sign_in(
        body.name, body.password.get_secret_value(), address_of(request)
    )
    give_session(request, response, signed_in)
    return SessionView(
        user=signed_in.user.name,
        csrf_token=signed_in.csrf,
        expires_in_seconds=int(signed_in.lifetime.total_seconds()),
    )


@router.delete("/current", status_code=204)
def sign_out(verbs: Verbs, request: Request, response: Response) -> None:
    """End the session that the cookie holds, if there is one."""
    cookie = session_cookie(request)
    if token := cookie.read(request):
        verbs.sessions.sign_out(token)
    cookie.take(request, response)
    response.headers["Cache-Control"] = "no-store"


def give_session(request: Request, response: Response, signed_in: SignedIn) -> None:
    """Put a new session into the browser's cookie."""
    session_cookie(request).give(request, response, signed_in.token, signed_in.lifetime)
    response.headers["Cache-Control"] = "no-store"


def session_cookie(request: Request) -> Cookie:
    """The cookie of sessions, as the settings have it."""
    cookie: Cookie = request.app.state.session_cookie
    return cookie


def address_of(request: Request) -> str | None:
    """Where the request comes from; a trusted proxy's word for it was heeded before."""
    return None if request.client is None else request.client.host
