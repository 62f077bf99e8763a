"""`/signin` and `/signout`."""

import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from services.registry.domain.identities import local_path
from services.registry.domain.people_refusals import CrossSiteError
from services.registry.operations.sessions import Sessions, SignedIn
from services.registry.pages.visits import Form, form_of, see
from understudy.contracts.refusals import Refusal
from understudy.runtime.cookies import Cookie, foreign
from understudy.runtime.documents import Documents
from understudy.runtime.http import STATUS, when_to_come_again

_FORM_AGE: Final = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """An identity provider to sign in at."""

    title: str
    path: str
    """Where that begins; takes `next`."""


class SigningIn:
    """The page to sign in, and the way out."""

    def __init__(
        self, documents: Documents, sessions: Sessions, cookie: Cookie, elsewhere: Elsewhere | None
    ) -> None:
        self._documents = documents
        self._sessions = sessions
        self._cookie = cookie
        self._form_cookie = Cookie("understudy_signin", cookie.security)
        self._elsewhere = elsewhere

    async def show(self, request: Request) -> Response:
        """`GET /signin`."""
        return self._page(request, request.query_params.get("next", "/"))

    async def sign_in(self, request: Request) -> Response:
        """`POST /signin`."""
        form = await form_of(request)
        try:
            self._require_own(request, form)
            signed_in = await run_in_threadpool(self._signed_in, request, form)
        except Refusal as refusal:
            return self._page(request, form.text("next"), refusal, form.text("name"))
        response = see(local_path(form.text("next")))
        self._cookie.give(request, response, signed_in.token, signed_in.lifetime)
        self._form_cookie.take(request, response)
        return response

    async def sign_out(self, request: Request) -> Response:
        """`POST /signout`; its token was checked at the door."""
        if token := self._cookie.read(request):
            await run_in_threadpool(self._sessions.sign_out, token)
        response = see("/signin?done=signed-out")
        self._cookie.take(request, response)
        return response

    def _signed_in(self, request: Request, form: Form) -> SignedIn:
        address = None if request.client is None else request.client.host
        return self._sessions.sign_in(form.text("name"), form.text("password"), address)

    def _require_own(self, request: Request, form: Form) -> None:
        """Nobody is signed in as somebody else by a page of another site."""
        kept, sent = self._form_cookie.read(request), form.text("form_token")
        if foreign(request):
            raise CrossSiteError("Another site sent you here; sign in on this page.")
        if not kept or not hmac.compare_digest(kept.encode(), sent.encode()):
            raise CrossSiteError(
                "Your browser kept no cookie for this page, or not for long; again."
            )

    def _page(
        self, request: Request, wanted: str, refusal: Refusal | None = None, name: str = ""
    ) -> Response:
        token = self._form_cookie.read(request) or secrets.token_urlsafe(32)
        path = local_path(wanted)
        elsewhere = self._elsewhere
        response = self._documents.page(
            "signin.html",
            200 if refusal is None else STATUS[refusal.fault],
            when_to_come_again(refusal),
            problem=None if refusal is None else refusal.detail,
            signed_out=request.query_params.get("done") == "signed-out",
            next=path,
            name=name[:200],
            form_token=token,
            elsewhere=elsewhere,
            elsewhere_path=None if elsewhere is None else f"{elsewhere.path}?next={quote(path)}",
        )
        self._form_cookie.give(request, response, token, _FORM_AGE)
        return response
