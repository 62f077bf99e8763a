"""The runtime of SageMaker: an endpoint is a deployment.

Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html.
Bodies are what containers of scikit-learn take: JSON, or CSV with or without a line of names.
Variants are versions.
"""

import csv
import io
from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from services.serving.api.asking import Asking, Question
from services.serving.api.bodies import decode_json
from services.serving.api.csv_bodies import csv_rows
from services.serving.api.encoding import written
from services.serving.api.media_types import CSV, JSON, media_type, wants_csv
from services.serving.api.methods import taking
from services.serving.api.tabular import Tabular
from services.serving.api.versioned import Versioned
from services.serving.domain.errors import MalformedBodyError
from services.serving.domain.rows import Shape
from services.serving.metrics import Dialect
from services.serving.operations import Answer, Card

_NAMED: Final = "X-Amzn-SageMaker-Inference-Id"
_TARGET: Final = "X-Amzn-SageMaker-Target-Variant"
_VARIANT: Final = "x-Amzn-Invoked-Production-Variant"
_TYPES: Final = (JSON, CSV, "application/octet-stream")
"""The last one is what some clients say when they are told nothing; it is read as JSON."""
_INSTANCES: Final = "instances"
_TAKES: Final = 'Send one row as {"feature": value, …}, or many as {"instances": [{…}, …]}.'


def routes(asking: Asking) -> Sequence[BaseRoute]:
    """`/endpoints/{name}/invocations`; `/ping` is among the probes."""

    async def invoke(request: Request) -> Response:
        def read(asked: Request, body: bytes, card: Card) -> Question:
            name = asked.headers.get(_NAMED)
            if media_type(asked, _TYPES) == CSV:
                rows = csv_rows(body, card.signature, header=False, check=asking.check_rows)
                return Question(rows, Shape.LIST, name)
            tabular = Tabular(card.signature.names, asking.check_rows)
            return _question(decode_json(body, _TAKES), tabular, name, card)

        def write(question: Question, answers: Sequence[Answer], _card: Card) -> Response:
            if wants_csv(request.headers.get("accept", "")):
                response = Response(_lines(answers), media_type=CSV)
            else:
                batch = question.shape is not Shape.ONE
                response = Response(written(answers, batch=batch), media_type=JSON)
            response.headers[_VARIANT] = str(answers[0].version)
            return response

        name = request.path_params["endpoint"]
        asked = Versioned(asking, request, name, Dialect.SAGEMAKER)
        return await asked.answer(request.headers.get(_TARGET), read, write)

    return taking("POST", "/endpoints/{endpoint}/invocations", invoke)


def _question(decoded: object, tabular: Tabular, name: str | None, card: Card) -> Question:
    match decoded:
        case list():
            return tabular.instances(decoded).question(name)
        case {"instances": list(items)} if _INSTANCES not in card.signature.names:
            return tabular.instances(items, _INSTANCES).question(name)
        case dict():
            return Question([decoded], Shape.ONE, name)
    raise MalformedBodyError(f"The body is neither an object nor a list. {_TAKES}")


def _lines(answers: Sequence[Answer]) -> str:
    """A prediction in each line."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([answer.prediction] for answer in answers)
    return text.getvalue()
