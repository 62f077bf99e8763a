"""What `previsionio.DeployedModel` asks below its base URL, which here is one for each deployment.

The client reads `problem_type` and `provider`, and offers no confidence for the provider
"external". It shows `inputs` and `outputs` as they are.
"""

from collections.abc import Sequence
from typing import Final
from urllib.parse import parse_qs

from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from services.serving.api.asking import Asking, Question
from services.serving.api.bodies import decode_json
from services.serving.api.encoding import written
from services.serving.api.media_types import JSON
from services.serving.api.methods import taking
from services.serving.api.wishes import options_in
from services.serving.domain.errors import MalformedBodyError
from services.serving.domain.rows import Shape
from services.serving.metrics import Dialect
from services.serving.operations import Answer, Card
from services.serving.operations.answers import require_available
from understudy.contracts.signature import Feature, Target
from understudy.contracts.vocabulary import Task

BASE: Final = "/v1/deployments/{deployment}/prevision"
_PROVIDER: Final = "understudy"
_TAKES: Final = 'Send one row as {"feature": value, …}.'
_INPUTS: Final = TypeAdapter(tuple[Feature, ...])
_OUTPUTS: Final = TypeAdapter(tuple[Target, ...])


def routes(asking: Asking) -> Sequence[BaseRoute]:
    """`about`, `inputs`, `outputs` and `predict` below the base URL."""

    async def about(request: Request) -> Response:
        card = _card(request)
        told = {"problem_type": _problem_type(card.signature.target), "provider": _PROVIDER}
        return JSONResponse({**told, "name": card.name, "version": card.version})

    async def inputs(request: Request) -> Response:
        features = _card(request).signature.features
        return Response(_INPUTS.dump_json(features, exclude_none=True), media_type=JSON)

    async def outputs(request: Request) -> Response:
        target = _card(request).signature.target
        return Response(_OUTPUTS.dump_json((target,), exclude_none=True), media_type=JSON)

    async def predict(request: Request) -> Response:
        name = request.path_params["deployment"]
        return await asking.answer(request, name, Dialect.PREVISION, _read, _write)

    def _card(request: Request) -> Card:
        return asking.card(request, request.path_params["deployment"])

    return [
        *taking("GET", f"{BASE}/about", about),
        *taking("GET", f"{BASE}/inputs", inputs),
        *taking("GET", f"{BASE}/outputs", outputs),
        *taking("POST", f"{BASE}/predict", predict),
    ]


def _problem_type(target: Target) -> str:
    if target.task is Task.REGRESSION:
        return "regression"
    return "classification" if len(target.classes) == 2 else "multiclassification"


def _read(request: Request, body: bytes, _card: Card) -> Question:
    options = options_in(parse_qs(request.url.query, keep_blank_values=True))
    require_available(options)
    decoded = decode_json(body, _TAKES)
    if not isinstance(decoded, dict):
        raise MalformedBodyError(f"The body is no object. {_TAKES}")
    return Question([decoded], Shape.ONE, options=options)


def _write(question: Question, answers: Sequence[Answer], _card: Card) -> Response:
    content = written(answers, batch=False, confident=question.options.confidence)
    return Response(content, media_type=JSON)
