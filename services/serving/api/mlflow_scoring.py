"""The protocol of MLflow's scoring server.

Source: https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally. Its paths name no model:
they are the default deployment's; the same paths stand below each deployment, so that a client may
have one of its own. Where MLflow ignores
`params` that a model does not declare, they are refused: no model declares any here.
"""

from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute

from services.serving.api.asking import Asking, Question
from services.serving.api.bodies import decode_json
from services.serving.api.csv_bodies import csv_rows
from services.serving.api.installed import installed
from services.serving.api.media_types import CSV, JSON, media_type
from services.serving.api.methods import taking
from services.serving.api.tabular import Table, Tabular, listed_predictions
from services.serving.domain.errors import (
    InvalidRowsError,
    MalformedBodyError,
    NoDefaultDeploymentError,
)
from services.serving.domain.rows import Shape
from services.serving.metrics import Dialect
from services.serving.operations import Answer, Card
from understudy.contracts.refusals import FieldError, json_pointer
from understudy.contracts.vocabulary import Scope

_FORMS: Final = ("dataframe_split", "dataframe_records", "instances", "inputs")
_TAKES: Final = f"Send a JSON object with exactly one of {', '.join(_FORMS)}."


def routes(asking: Asking) -> Sequence[BaseRoute]:
    """`/invocations` and `/version`; `/ping` and `/health` are among the probes."""

    async def tell_version(request: Request) -> Response:
        asking.reachable(request, Scope.READ, Scope.PREDICT)
        return PlainTextResponse(installed())

    async def ping(request: Request) -> Response:
        asking.card(request, request.path_params["deployment"])
        return Response("\n", media_type=JSON)

    async def ask_default(request: Request) -> Response:
        return await answer(request, _default(asking, request))

    async def ask(request: Request) -> Response:
        return await answer(request, request.path_params["deployment"])

    async def answer(request: Request, deployment: str) -> Response:
        def read(asked: Request, body: bytes, card: Card) -> Question:
            if media_type(asked, (JSON, CSV)) == CSV:
                rows = csv_rows(body, card.signature, check=asking.check_rows)
                return Question(rows, Shape.LIST)
            tabular = Tabular(card.signature.names, asking.check_rows)
            return _table(decode_json(body, _TAKES), tabular).question()

        return await asking.answer(request, deployment, Dialect.MLFLOW, read, _write)

    below = "/deployments/{deployment}"
    return [
        *taking("GET", "/version", tell_version),
        *taking("POST", "/invocations", ask_default),
        *taking("GET", f"{below}/ping", ping),
        *taking("GET", f"{below}/health", ping),
        *taking("GET", f"{below}/version", tell_version),
        *taking("POST", f"{below}/invocations", ask),
    ]


def _default(asking: Asking, request: Request) -> str:
    """The deployment that the operator chose, else the only one that the caller reaches."""
    if asking.default_deployment is not None:
        return asking.default_deployment
    names = asking.reachable(request, Scope.PREDICT)
    if len(names) != 1:
        raise asking.counted("", NoDefaultDeploymentError(len(names)))
    return names[0]


def _table(decoded: object, tabular: Tabular) -> Table:
    if not isinstance(decoded, dict):
        raise MalformedBodyError(f"The body is no object. {_TAKES}")
    found = [name for name in _FORMS if name in decoded]
    if len(found) != 1:
        raise MalformedBodyError(f"The body holds {' and '.join(found) or 'none'}. {_TAKES}")
    params = decoded.get("params")
    if params is not None and params != {}:
        first = next(iter(params)) if isinstance(params, dict) else None
        where = json_pointer("params") if first is None else json_pointer("params", first)
        message = "is not taken: the model has no parameters"
        raise InvalidRowsError(f"{where} {message}", FieldError(where, message))
    form = found[0]
    value = decoded[form]
    match form:
        case "dataframe_split":
            return tabular.split(value, form)
        case "dataframe_records":
            return tabular.records(value, form)
    if isinstance(value, dict):
        return tabular.columns(value, form)
    return tabular.instances(value, form)


def _write(_question: Question, answers: Sequence[Answer], _card: Card) -> Response:
    return listed_predictions(answers)
