"""All dialects but plain JSON, whose predictions have a way of their own (`api.predict`)."""

from collections.abc import Callable, Sequence
from typing import Final

from starlette.routing import BaseRoute

from services.serving.api.asking import Asking

_DIALECTS: Final[Sequence[Callable[[Asking], Sequence[BaseRoute]]]] = ()


def dialect_routes(asking: Asking) -> list[BaseRoute]:
    """The routes of each, in order."""
    return [route for routes in _DIALECTS for route in routes(asking)]
