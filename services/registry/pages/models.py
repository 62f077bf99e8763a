"""`/models`: the models that the reader reaches, and the versions of one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from services.registry.domain.catalogue import Model
from services.registry.domain.deployments import Deployment
from services.registry.domain.paging import Paging
from services.registry.domain.reviews import Attempt
from services.registry.domain.versions import Version
from services.registry.operations import Operations
from services.registry.operations.reviews import Standing
from services.registry.pages import review_words as say
from services.registry.pages.charts import numbers
from services.registry.pages.review import tally
from services.registry.pages.versions import hidden, reader
from services.registry.pages.visits import Visit, shown, visit_of
from understudy.contracts.refusals import Refusal
from understudy.contracts.vocabulary import ReviewState, Severity
from understudy.runtime.documents import Documents
from understudy.runtime.keys import Caller

_MODELS_AT_ONCE: Final = 50
_VERSIONS_AT_ONCE: Final = 50
_DEPLOYMENTS_AT_ONCE: Final = 200
_MOST_PAGES: Final = 10


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One model as it is listed."""

    model: Model
    newest: Version | None


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One version as it is listed."""

    version: Version
    state: ReviewState
    standing: Standing | None
    """Of a review that is not made."""
    tally: tuple[tuple[Severity, int], ...]
    main_of: tuple[str, ...]
    challenger_of: tuple[str, ...]


class Models:
    """The list of models, and each one's page."""

    def __init__(self, documents: Documents, operations: Operations) -> None:
        self._documents = documents
        self._operations = operations

    async def show(self, request: Request) -> Response:
        """`GET /models`."""
        return await run_in_threadpool(
            self._models, visit_of(request), request.query_params.get("after")
        )

    async def show_one(self, request: Request) -> Response:
        """`GET /models/{model}`."""
        name: str = request.path_params["model"]
        after = request.query_params.get("after")
        return await run_in_threadpool(self._model, visit_of(request), name, after)

    def _models(self, visit: Visit, after: str | None) -> Response:
        caller, catalogue = reader(visit), self._operations.catalogue
        try:
            found = catalogue.models(caller, Paging(_MODELS_AT_ONCE, after))
            rows = [ModelRow(model, self._newest(caller, model)) for model in found.items]
        except Refusal as refusal:
            return shown(
                self._documents, "models.html", visit, refusal=refusal, rows=(), after=None, say=say
            )
        return shown(
            self._documents, "models.html", visit, rows=rows, after=found.next_cursor, say=say
        )

    def _newest(self, caller: Caller, model: Model) -> Version | None:
        found = self._operations.catalogue.versions(caller, model.name, Paging(1)).items
        return found[0] if found else None

    def _model(self, visit: Visit, name: str, after: str | None) -> Response:
        caller, verbs = reader(visit), self._operations
        try:
            model = verbs.catalogue.model(caller, name)
            found = verbs.catalogue.versions(caller, name, Paging(_VERSIONS_AT_ONCE, after))
            numbers_of = [version.number for version in found.items]
            attempts = verbs.reviews.of_model(caller, name, numbers_of)
            running = [one for one in self._deployments(caller) if one.model == name]
            rows = [self._row(caller, one, attempts, running) for one in found.items]
        except Refusal as refusal:
            return shown(self._documents, "missing.html", visit, refusal=hidden(refusal))
        return shown(
            self._documents,
            "versions.html",
            visit,
            model=model,
            rows=rows,
            after=found.next_cursor,
            busy=any(row.state is ReviewState.RUNNING for row in rows),
            say=say,
            num=numbers,
        )

    def _row(
        self,
        caller: Caller,
        version: Version,
        attempts: Mapping[int, Attempt],
        running: list[Deployment],
    ) -> VersionRow:
        attempt, number = attempts.get(version.number), version.number
        standing, state = None, ReviewState.MISSING
        if attempt is not None and attempt.made is not None:
            state = ReviewState.MADE
        elif attempt is not None:
            standing = self._operations.reviews.standing(caller, version.draft.model, number)
            state = standing.state
        made = attempt.made if attempt else None
        return VersionRow(
            version=version,
            state=state,
            standing=standing,
            tally=tally(made.findings) if made else (),
            main_of=tuple(one.name for one in running if one.current.setting.main == number),
            challenger_of=tuple(
                one.name for one in running if number in one.current.setting.challengers
            ),
        )

    def _deployments(self, caller: Caller) -> Iterator[Deployment]:
        cursor = None
        for _ in range(_MOST_PAGES):
            page = self._operations.deployments.page(caller, Paging(_DEPLOYMENTS_AT_ONCE, cursor))
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return
