"""`/people`: users, and who is what in which project, for administrators."""

from collections.abc import Callable
from typing import Final

from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from services.registry.domain.paging import Paging
from services.registry.domain.people import UserChange
from services.registry.operations import Operations
from services.registry.operations.people import NewUser
from services.registry.pages.visits import Form, Visit, form_of, see, shown, visit_of
from understudy.contracts.people import UserRequest
from understudy.contracts.refusals import Refusal
from understudy.contracts.vocabulary import MemberRole, Scope
from understudy.runtime.documents import Documents
from understudy.runtime.keys import ForbiddenError

_AT_ONCE: Final = 200
_DONE: Final = {
    "user": "The user is made.",
    "changed": "The change is made.",
    "password": "The password is set; that person is signed out everywhere.",
    "member": "The roles are set.",
    "removed": "That person is no member any more.",
}


class InvalidFormError(Refusal):
    """A field of the form does not fit."""


class Administering:
    """The page of administrators."""

    def __init__(self, documents: Documents, operations: Operations) -> None:
        self._documents = documents
        self._operations = operations

    async def show(self, request: Request) -> Response:
        """`GET /people`."""
        query = request.query_params
        return await run_in_threadpool(
            self._page,
            visit_of(request),
            query.get("project"),
            after=query.get("after"),
            done=_DONE.get(query.get("done", "")),
        )

    async def change(self, request: Request) -> Response:
        """`POST /people`: what `do` says."""
        visit, form = visit_of(request), await form_of(request)
        verbs: dict[str, Callable[[Visit, Form], str]] = {
            "make": self._make,
            "admin": self._admin,
            "disable": self._disable,
            "password": self._password,
            "member": self._member,
            "remove": self._remove,
        }
        project = form.text("project")
        try:
            verb = verbs.get(form.text("do"))
            if verb is None:
                raise InvalidFormError("The form says nothing to do.")
            done = await run_in_threadpool(verb, visit, form)
        except Refusal as refusal:
            return await run_in_threadpool(self._page, visit, project, refusal=refusal)
        here = f"&project={project}" if done in {"member", "removed"} else ""
        return see(f"/people?done={done}{here}")

    def _make(self, visit: Visit, form: Form) -> str:
        try:
            asked = UserRequest(
                name=form.text("name").strip().lower(),
                display_name=form.text("display_name").strip() or None,
                admin=form.text("admin") == "yes",
            )
        except ValidationError as error:
            raise InvalidFormError(
                "A sign-in name has lower-case letters, digits and . _ @ + -, and begins with a "
                "letter or digit; a name has at most 200 characters."
            ) from error
        new = NewUser(asked.name, asked.display_name or "", asked.admin, form.text("password"))
        self._operations.people.make(visit.caller.wanting(Scope.ADMIN), new)
        return "user"

    def _admin(self, visit: Visit, form: Form) -> str:
        return self._changed(visit, form, UserChange(admin=form.text("value") == "yes"))

    def _disable(self, visit: Visit, form: Form) -> str:
        return self._changed(visit, form, UserChange(disabled=form.text("value") == "yes"))

    def _changed(self, visit: Visit, form: Form, change: UserChange) -> str:
        caller = visit.caller.wanting(Scope.ADMIN)
        self._operations.people.change(caller, form.text("user"), change)
        return "changed"

    def _password(self, visit: Visit, form: Form) -> str:
        self._operations.people.set_password(
            visit.caller.wanting(Scope.ADMIN), form.text("user"), form.text("password"), None
        )
        return "password"

    def _member(self, visit: Visit, form: Form) -> str:
        chosen = form.every("role")
        roles = [role for role in MemberRole if role.value in chosen]
        if not roles:
            raise InvalidFormError("Choose at least one role, or remove the member.")
        self._operations.members.put(
            visit.caller.wanting(Scope.ADMIN),
            form.text("project"),
            form.text("user").strip().lower(),
            roles,
        )
        return "member"

    def _remove(self, visit: Visit, form: Form) -> str:
        self._operations.members.remove(
            visit.caller.wanting(Scope.ADMIN), form.text("project"), form.text("user")
        )
        return "removed"

    def _page(
        self,
        visit: Visit,
        wanted: str | None,
        *,
        after: str | None = None,
        refusal: Refusal | None = None,
        done: str | None = None,
    ) -> Response:
        caller, all_of_it = visit.caller.wanting(Scope.ADMIN), visit.administers_all
        if not visit.administers:
            refusal = ForbiddenError("This page is for administrators.")
            return shown(self._documents, "refused.html", visit, refusal=refusal)
        projects = self._operations.catalogue.projects(caller, Paging(_AT_ONCE)).items
        names = [project.name for project in projects]
        chosen = wanted if wanted in names else next(iter(names), None)
        page, members = Paging(_AT_ONCE, after), self._operations.members
        users = self._operations.people.page(caller, page) if all_of_it else None
        return shown(
            self._documents,
            "people.html",
            visit,
            refusal=refusal,
            done=done,
            users=() if users is None else users.items,
            after=None if users is None else users.next_cursor,
            projects=names,
            project=chosen,
            members=members.page(caller, chosen, Paging(_AT_ONCE)).items if chosen else (),
            roles=tuple(MemberRole),
            own=None if visit.visitor is None else visit.visitor.user.name,
        )
