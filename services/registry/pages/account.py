"""`/account`: one's own password, what one may do where, and the way out."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from services.registry.domain.people_refusals import PasswordRefusedError
from services.registry.operations import Operations
from services.registry.operations.sessions import SignedIn, Visitor
from services.registry.pages.visits import Form, Visit, form_of, see, shown, visit_of
from understudy.contracts.refusals import Refusal
from understudy.runtime.cookies import Cookie
from understudy.runtime.documents import Documents


class Account:
    """What concerns the reader."""

    def __init__(self, documents: Documents, operations: Operations, cookie: Cookie) -> None:
        self._documents = documents
        self._operations = operations
        self._cookie = cookie

    async def show(self, request: Request) -> Response:
        """`GET /account`."""
        done = request.query_params.get("done") == "password"
        return await run_in_threadpool(self._page, visit_of(request), None, done=done)

    async def change_password(self, request: Request) -> Response:
        """`POST /account`: all sessions end, and this browser has a new one."""
        visit, form = visit_of(request), await form_of(request)
        if visit.visitor is None:
            return see("/account")
        address = None if request.client is None else request.client.host
        try:
            signed_in = await run_in_threadpool(self._changed, visit, visit.visitor, form, address)
        except Refusal as refusal:
            return await run_in_threadpool(self._page, visit, refusal)
        response = see("/account?done=password")
        self._cookie.give(request, response, signed_in.token, signed_in.lifetime)
        return response

    def _changed(self, visit: Visit, visitor: Visitor, form: Form, address: str | None) -> SignedIn:
        if form.text("password") != form.text("again"):
            raise PasswordRefusedError("The two new passwords are not the same.")
        user = self._operations.people.set_password(
            visit.caller, visitor.user.name, form.text("password"), form.text("old"), address
        )
        return self._operations.sessions.open(user)

    def _page(
        self, visit: Visit, refusal: Refusal | None = None, *, done: bool = False
    ) -> Response:
        user = None if visit.visitor is None else visit.visitor.user
        memberships = () if user is None else self._operations.people.memberships(user.name)
        return shown(
            self._documents,
            "account.html",
            visit,
            refusal=refusal,
            user=user,
            memberships=memberships,
            done=done,
        )
