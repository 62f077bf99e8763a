"""What labels say: quality, labels themselves, groups."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from pydantic import Field

from services.monitor.api.door import Readable
from services.monitor.domain.errors import UnreadableDaysError
from services.monitor.operations import Watch
from services.monitor.operations.appraising import DAYS, Appraising
from understudy.contracts.monitor import CoverageView, FairnessView, QualityView
from understudy.contracts.registry import Body
from understudy.runtime.describing import asks

MOST_DAYS: Final = 366


class DaysQuery(Body):
    """How far back."""

    days: Annotated[int, Field(ge=1, le=MOST_DAYS)] = DAYS


_ASKS: Final = asks(DaysQuery)


def days_of(request: Request) -> int:
    """How many days of predictions are asked for, today's among them."""
    stated = request.query_params.get("days", str(DAYS))
    if not (stated.isascii() and stated.isdigit() and 1 <= int(stated[:9]) <= MOST_DAYS):
        raise UnreadableDaysError(f"days is a whole number from 1 to {MOST_DAYS}.")
    return int(stated)


Days = Annotated[int, Depends(days_of)]


def outcome_routes(readable: Readable, appraising: Appraising) -> APIRouter:
    """`GET …/quality`, `GET …/labels` and `GET …/fairness`."""
    router = APIRouter(prefix="/v1/deployments/{deployment}")

    def read(watch: Annotated[Watch, Depends(readable)]) -> Watch:
        watch.cells()  # before anything was read, empty figures would say that there are no labels
        return watch

    seen = Depends(read)

    @router.get("/quality", openapi_extra=_ASKS)
    async def quality(watch: Annotated[Watch, seen], days: Days) -> QualityView:
        found = await appraising.quality(watch, days)
        return QualityView.model_validate(found, from_attributes=True)

    @router.get("/labels", openapi_extra=_ASKS)
    async def labels(watch: Annotated[Watch, seen], days: Days) -> CoverageView:
        found = await appraising.coverage(watch, days)
        return CoverageView.model_validate(found, from_attributes=True)

    @router.get("/fairness", openapi_extra=_ASKS)
    async def fairness(watch: Annotated[Watch, seen], days: Days) -> FairnessView:
        found = await appraising.fairness(watch, days)
        return FairnessView.model_validate(found, from_attributes=True)

    return router
