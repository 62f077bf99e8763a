"""What every page knows: who reads it, the forms it was sent, and how it is rendered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.registry.operations.sessions import Visitor
from understudy.contracts.refusals import Refusal
from understudy.contracts.vocabulary import Scope
from understudy.runtime.documents import Documents
from understudy.runtime.http import STATUS, when_to_come_again
from understudy.runtime.keys import Caller

_FIELDS: Final = 200


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of somebody who was let in."""

    caller: Caller
    visitor: Visitor | None
    """None for who shows a key."""

    @property
    def name(self) -> str:
        """Who is greeted."""
        return self.caller.actor if self.visitor is None else self.visitor.user.display_name

    @property
    def csrf(self) -> str:
        """What its forms carry."""
        return "" if self.visitor is None else self.visitor.csrf

    @property
    def administers(self) -> bool:
        """Whether there is anything to administer, here or in some project."""
        return Scope.ADMIN in self.caller.scopes

    @property
    def administers_all(self) -> bool:
        """Whether that is the whole instance."""
        return self.caller.wanting(Scope.ADMIN).whole


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form that was sent."""

    fields: Mapping[str, Sequence[str]]

    def text(self, name: str) -> str:
        """One field, as it was typed; nothing when it was not sent."""
        return self.fields.get(name, [""])[0]

    def every(self, name: str) -> Sequence[str]:
        """All values of a field that may be sent several times."""
        return self.fields.get(name, [])


def visit_of(request: Request) -> Visit:
    """Who asks; the door has put it there."""
    return Visit(request.state.caller, getattr(request.state, "visitor", None))


async def form_of(request: Request) -> Form:
    """The form that was sent; one that can't be read has no fields. Its size is bounded before."""
    body = await request.body()
    try:
        found = parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=_FIELDS)
    except ValueError:
        found = {}
    return Form(found)


def shown(
    documents: Documents,
    template: str,
    visit: Visit,
    *,
    refusal: Refusal | None = None,
    **values: object,
) -> Response:
    """A page, with what was refused above it."""
    status = 200 if refusal is None else STATUS[refusal.fault]
    return documents.page(
        template,
        status,
        when_to_come_again(refusal),
        visit=visit,
        problem=None if refusal is None else refusal.detail,
        **values,
    )


def see(path: str) -> Response:
    """Go on there, so that a reload repeats nothing."""
    return RedirectResponse(path, 303, {"Cache-Control": "no-store"})
