"""What drifted, since when, and hour by hour."""

from typing import Annotated

from fastapi import APIRouter, Depends

from services.monitor.api.door import Readable
from services.monitor.operations import Watch
from understudy.contracts.monitor import DriftHistory, DriftView


def drift_routes(readable: Readable) -> APIRouter:
    """`GET …/drift` and `GET …/drift/history`."""
    router = APIRouter()

    @router.get("/v1/deployments/{deployment}/drift")
    def drift(watch: Annotated[Watch, Depends(readable)]) -> DriftView:
        return DriftView.model_validate(watch.drift(), from_attributes=True)

    @router.get("/v1/deployments/{deployment}/drift/history")
    def history(watch: Annotated[Watch, Depends(readable)]) -> DriftHistory:
        return DriftHistory.model_validate(watch.drift_history(), from_attributes=True)

    return router
