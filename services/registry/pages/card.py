"""`/models/{model}/versions/{number}/card`: a model card, for screens and paper."""

from datetime import UTC, datetime

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from services.registry.operations import Operations
from services.registry.pages import charts
from services.registry.pages import review_words as say
from services.registry.pages.charts import numbers
from services.registry.pages.questions import asked
from services.registry.pages.review import Report, tally
from services.registry.pages.versions import hidden, period_of, place_of, reader
from services.registry.pages.visits import Visit, shown, visit_of
from understudy.contracts.refusals import Refusal
from understudy.runtime.documents import Documents


class CardPages:
    """One card for each version."""

    def __init__(self, documents: Documents, operations: Operations) -> None:
        self._documents = documents
        self._cards = operations.cards

    async def show(self, request: Request) -> Response:
        """`GET`."""
        return await run_in_threadpool(self._shown, visit_of(request), request)

    def _shown(self, visit: Visit, request: Request) -> Response:
        try:
            place = place_of(request)
            found = self._cards.card(reader(visit), place.model, place.number)
        except Refusal as refusal:
            return shown(self._documents, "missing.html", visit, refusal=hidden(refusal))
        card = say.legible(found)
        return shown(
            self._documents,
            "card.html",
            visit,
            here=place.path,
            card=card,
            tally=tally(card.review.findings) if card.review else (),
            period=period_of(card.review.samples) if card.review else None,
            questions=[*asked(card.statements.answers, ())],
            most_growth=max(
                (one.growth.high or one.growth.value for one in card.review.importances),
                default=0.0,
            )
            if card.review
            else 0.0,
            figures=Report,
            printed_at=datetime.now(UTC),
            say=say,
            num=numbers,
            charts=charts,
        )
