"""What callers may ask over HTTP, other than predictions."""

from pydantic import TypeAdapter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.serving.api.labels import Labels
from services.serving.metrics import ServingMetrics
from services.serving.operations import Serving
from understudy.contracts.signature import Signature
from understudy.runtime.keys import presented_key

_SIGNATURE = TypeAdapter(Signature)
_ALL_BUT_POST = ("GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE")


def routes(serving: Serving, metrics: ServingMetrics, body_limit: int) -> list[BaseRoute]:
    """All routes below `/v1`."""
    deployment = "/v1/deployments/{deployment}"
    labels = Labels(serving, metrics, body_limit)

    async def take_labels(request: Request) -> Response:
        return await labels(request)

    async def show_signature(request: Request) -> Response:
        name = request.path_params["deployment"]
        card = serving.signature(name, key=presented_key(request.headers))
        body = _SIGNATURE.dump_json(card.signature)
        return Response(body, media_type="application/json")

    async def only_post(request: Request) -> Response:
        raise HTTPException(
            405, f"{request.method} is not for this path; use POST.", {"Allow": "POST"}
        )

    async def nothing(_request: Request) -> Response:
        raise HTTPException(404, "There is nothing at this path.")

    return [
        Route(f"{deployment}/labels", take_labels, methods=["POST"]),
        Route(f"{deployment}/signature", show_signature, methods=["GET"]),
        Route(f"{deployment}/predict", only_post, methods=_ALL_BUT_POST),
        Route(f"{deployment}/labels", only_post, methods=_ALL_BUT_POST),
        Route("/v1/{path:path}", nothing, methods=[*_ALL_BUT_POST, "POST"]),
    ]
