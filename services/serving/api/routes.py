"""What callers may ask over HTTP, other than predictions."""

from collections.abc import Sequence

from pydantic import TypeAdapter
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from services.serving.api.asking import Asking
from services.serving.api.dialects import dialect_routes
from services.serving.api.elsewhere import Predictions
from services.serving.api.labels import Corrections, Labels
from services.serving.api.methods import METHODS, only, taking
from services.serving.api.protected import Protected
from services.serving.api.telling import Verb, handler
from services.serving.operations import Card, Elsewhere, Facts, Serving
from services.serving.operations.models import Models
from understudy.contracts.refusals import Refusal
from understudy.contracts.signature import Signature
from understudy.describing import Described, document
from understudy.runtime.conditional import ConditionalReads
from understudy.runtime.keys import presented_key

_SIGNATURE = TypeAdapter(Signature)


def routes(
    serving: Serving,
    facts: Facts,
    elsewhere: Elsewhere,
    body_limit: int,
    default_deployment: str | None = None,
    *,
    models: Models | None = None,
) -> list[BaseRoute]:
    """All routes for programs, dialects among them."""
    deployment = "/v1/deployments/{deployment}"
    tagged = [Middleware(ConditionalReads)]

    def telling(path: str, verb: Verb, method: str = "POST") -> Sequence[BaseRoute]:
        return taking(method, f"{deployment}/{path}", handler(verb, serving, body_limit))

    def seen(request: Request) -> Card:
        name = request.path_params["deployment"]
        try:
            return serving.signature(name, key=presented_key(request.headers))
        except Refusal as refusal:
            serving.note_refusal(name, refusal)
            raise

    async def show_signature(request: Request) -> Response:
        body = _SIGNATURE.dump_json(seen(request).signature)
        return Response(body, media_type="application/json")

    async def describe(request: Request) -> Response:
        return JSONResponse(document(_described(seen(request)), serving.most_rows))

    async def nothing(_request: Request) -> Response:
        raise HTTPException(404, "There is nothing at this path.")

    return [
        *telling("labels", Labels(facts)),
        *telling("labels/{prediction_id}", Corrections(facts), "PUT"),
        *telling("protected", Protected(facts)),
        *telling("predictions", Predictions(elsewhere)),
        *taking("GET", f"{deployment}/signature", show_signature, tagged),
        *taking("GET", f"{deployment}/openapi.json", describe, tagged),
        Route(f"{deployment}/predict", only("POST"), methods=[*METHODS - {"POST"}]),
        *dialect_routes(Asking(serving, body_limit, default_deployment, models)),
        Route("/v1/{path:path}", nothing, methods=[*METHODS]),
    ]


def _described(card: Card) -> Described:
    return Described(
        card.name,
        card.description,
        card.access,
        card.model,
        card.version,
        card.signature,
        card.policy,
    )
