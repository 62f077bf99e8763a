"""All dialects but plain JSON, whose predictions have a way of their own (`api.predict`)."""

from collections.abc import Callable, Sequence
from typing import Final

from starlette.routing import BaseRoute

from services.serving.api import bento_schema, kserve_v1, mlflow_scoring, oip, prevision, sagemaker
from services.serving.api.asking import Asking

_DIALECTS: Final[Sequence[Callable[[Asking], Sequence[BaseRoute]]]] = (
    kserve_v1.routes,
    mlflow_scoring.routes,
    sagemaker.routes,
    prevision.routes,
    bento_schema.routes,
    oip.routes,
)


def dialect_routes(asking: Asking) -> list[BaseRoute]:
    """The routes of each, in order."""
    return [route for routes in _DIALECTS for route in routes(asking)]
