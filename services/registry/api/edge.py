"""What routes ask of a request: its caller's scope, the operations, a page, an expected release."""

import re
from collections.abc import Callable
from typing import Annotated, Any, Final, TypeVar

from fastapi import Depends, Header, Path, Query
from pydantic import StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from services.registry.domain.paging import Paging, Slice
from services.registry.operations import Operations
from understudy.contracts.registry import MAX_NUMBER, Name, Page, Sha256
from understudy.contracts.vocabulary import Scope
from understudy.runtime.keys import Caller, ForbiddenError

Item = TypeVar("Item")
View = TypeVar("View")

_ETAG: Final = re.compile(r'"(\d{1,18})"')


def _operations(request: Request) -> Operations:
    operations: Operations = request.app.state.operations
    return operations


def needs(*scopes: Scope) -> Any:
    """A dependency: the caller, with one of `scopes` somewhere; whether there, verbs decide."""

    async def caller_with_scope(request: Request) -> Caller:
        caller: Caller = request.state.caller
        if not caller.scopes & {*scopes, Scope.ADMIN}:
            names = " or ".join(scope.value for scope in scopes)
            raise ForbiddenError(f"This needs the scope {names}.")
        return caller.wanting(*scopes)

    return Depends(caller_with_scope)


async def _caller(request: Request) -> Caller:
    caller: Caller = request.state.caller
    return caller


Verbs = Annotated[Operations, Depends(_operations)]
Known = Annotated[Caller, Depends(_caller)]
"""Whoever came through the door."""
Admin = Annotated[Caller, needs(Scope.ADMIN)]
Reader = Annotated[Caller, needs(Scope.READ)]
Registrar = Annotated[Caller, needs(Scope.REGISTER)]
Reviewer = Annotated[Caller, needs(Scope.REVIEW)]
Preparer = Annotated[Caller, needs(Scope.REGISTER, Scope.REVIEW)]
"""Who makes a version ready to be decided: authors and approvers."""
Deployer = Annotated[Caller, needs(Scope.DEPLOY)]
Tagger = Annotated[Caller, needs(Scope.REGISTER, Scope.DEPLOY)]
"""Which tags it may set, the verb says."""
Releaser = Annotated[Caller, needs(Scope.RELEASE, Scope.DEPLOY)]
"""Which changes it may make, the verb says."""
KeyKeeper = Annotated[Caller, needs(Scope.ADMIN, Scope.DEPLOY)]
"""Which keys it may issue, the verb says."""
Fetcher = Annotated[Caller, needs(Scope.READ, Scope.FOLLOW)]
Following = Annotated[Caller, needs(Scope.FOLLOW)]
Scraper = Annotated[Caller, needs(Scope.METRICS)]

PathName = Annotated[Name, Path()]
PathNumber = Annotated[int, Path(ge=1, le=MAX_NUMBER)]
PathDigest = Annotated[Sha256, Path()]


def _paging(
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Annotated[str | None, StringConstraints(min_length=1, max_length=100), Query()] = None,
) -> Paging:
    return Paging(limit, cursor)


Asked = Annotated[Paging, Depends(_paging)]


def page_of(
    found: Slice[Item], view: Callable[[Item], View], request: Request, response: Response
) -> Page[View]:
    """The body of one page, and the `Link` header to the next."""
    if found.next_cursor is not None:
        following = request.url.include_query_params(cursor=found.next_cursor)
        response.headers["Link"] = f'<{following.path}?{following.query}>; rel="next"'
    return Page(items=tuple(view(item) for item in found.items), next_cursor=found.next_cursor)


def etag(number: int) -> str:
    """A number as an entity tag."""
    return f'"{number}"'


def _if_match(if_match: Annotated[str | None, Header()] = None) -> frozenset[int] | None:
    """The releases that `If-Match` names; None for every one. A weak tag matches nothing."""
    if if_match is None or if_match.strip() == "*":
        return None
    tags = (tag.strip() for tag in if_match.split(","))
    return frozenset(int(found[1]) for tag in tags if (found := _ETAG.fullmatch(tag)))


def _if_none_match(if_none_match: Annotated[str | None, Header()] = None) -> int | None:
    """The number that the caller has already."""
    found = _ETAG.search(if_none_match or "")
    return int(found[1]) if found else None


IfMatch = Annotated[frozenset[int] | None, Depends(_if_match)]
IfNoneMatch = Annotated[int | None, Depends(_if_none_match)]
