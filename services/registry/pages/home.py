"""`/`: the deployments that the reader reaches."""

from dataclasses import dataclass
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from services.registry.domain.deployments import Deployment
from services.registry.domain.paging import Paging
from services.registry.operations import Operations
from services.registry.operations.followers import Heard
from services.registry.pages.visits import Visit, shown, visit_of
from understudy.contracts.refusals import Refusal
from understudy.contracts.vocabulary import AccessLevel, Scope
from understudy.runtime.documents import Documents

_AT_ONCE: Final = 100
ACCESS: Final = {
    AccessLevel.PUBLIC: "everybody",
    AccessLevel.INSTANCE: "the instance",
    AccessLevel.PROJECT: "the project",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One deployment as it is listed."""

    name: str
    description: str
    project: str
    model: str
    main: int
    challengers: tuple[int, ...]
    access: str
    state: str
    mark: str
    """How the state looks: good, care or bad."""


class Home:
    """The first page."""

    def __init__(self, documents: Documents, operations: Operations) -> None:
        self._documents = documents
        self._operations = operations

    async def show(self, request: Request) -> Response:
        """`GET /`."""
        cursor = request.query_params.get("after")
        return await run_in_threadpool(self._page, visit_of(request), cursor)

    def _page(self, visit: Visit, cursor: str | None) -> Response:
        readable = visit.caller.wanting(Scope.READ)
        try:
            found = self._operations.deployments.page(readable, Paging(_AT_ONCE, cursor))
            heard = self._operations.followers.heard()
        except Refusal as refusal:
            return shown(self._documents, "home.html", visit, refusal=refusal, rows=(), after=None)
        rows = [_row(one, heard) for one in found.items]
        return shown(self._documents, "home.html", visit, rows=rows, after=found.next_cursor)


def standing_of(heard: Heard, found: Deployment) -> tuple[str, str]:
    """How far a deployment is, and its mark."""
    standing = heard.standing(found.name, found.current.number)
    if standing.deployed:
        return "Running", "good"
    return ("Being released", "care") if standing.running else ("Not running", "bad")


def _row(found: Deployment, heard: Heard) -> Row:
    state, mark = standing_of(heard, found)
    return Row(
        name=found.name,
        description=found.description,
        project=found.project,
        model=found.model,
        main=found.current.setting.main,
        challengers=found.current.setting.challengers,
        access=ACCESS[found.access],
        state=state,
        mark=mark,
    )
