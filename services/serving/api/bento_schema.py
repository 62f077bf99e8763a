"""What BentoML's clients read first: the endpoints of the service and what each takes.

Every deployment that the caller reaches is an endpoint for one row and, with `_rows` behind its
name, one for many; both are the plain JSON predictions. Hyphens become underscores, so that
endpoints are attributes of a client.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from services.serving.api.asking import Asking
from services.serving.api.methods import taking
from services.serving.api.predict import PREFIX, SUFFIX
from services.serving.domain.errors import NotLoadedError
from services.serving.operations import Card
from understudy.contracts.signature import Feature
from understudy.contracts.vocabulary import FeatureKind, Scope
from understudy.runtime.keys import presented_key

_TYPES: Final[Mapping[FeatureKind, str]] = {
    FeatureKind.NUMBER: "number",
    FeatureKind.INTEGER: "integer",
    FeatureKind.BOOLEAN: "boolean",
    FeatureKind.CATEGORY: "string",
}
_SERVICE: Final = "understudy"
_ANSWER: Final = {"type": "object"}


def routes(asking: Asking) -> Sequence[BaseRoute]:
    """`/schema.json`, instead of BentoML's own."""

    async def schema(request: Request) -> Response:
        names = asking.reachable(request, Scope.PREDICT)
        key = presented_key(request.headers)
        endpoints = [endpoint for card in _cards(asking, names, key) for endpoint in _of(card)]
        return JSONResponse({"name": _SERVICE, "type": "service", "routes": endpoints})

    return taking("GET", "/schema.json", schema)


def _cards(asking: Asking, names: Sequence[str], key: str | None) -> Iterator[Card]:
    for name in names:
        try:
            yield asking.serving.admit(name, key)
        except NotLoadedError:
            continue


def _of(card: Card) -> Iterator[dict[str, Any]]:
    name, route = card.name.replace("-", "_"), f"{PREFIX}{card.name}{SUFFIX}"
    row = _object({feature.name: _property(feature) for feature in card.signature.features})
    rows = _object({"rows": {"type": "array", "items": row}})
    for endpoint, taken in ((name, row), (f"{name}_rows", rows)):
        yield {"name": endpoint, "route": route, "input": taken, "output": _ANSWER}


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": [*properties]}


def _property(feature: Feature) -> dict[str, Any]:
    told = {"title": feature.title, "type": _TYPES[feature.kind]}
    if feature.nullable:
        return {"title": feature.title, "anyOf": [{"type": told["type"]}, {"type": "null"}]}
    return told
