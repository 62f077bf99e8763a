"""The v1 protocol of TensorFlow Serving, as KServe's clients speak it; a model is a deployment.

Source: https://kserve.github.io/website/docs/concepts/architecture/data-plane/v1-protocol and
https://www.tensorflow.org/tfx/serving/api_rest (row and columnar format of `predict`).
"""

from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from services.serving.api.asking import Asking, Question
from services.serving.api.bodies import decode_json
from services.serving.api.methods import taking
from services.serving.api.tabular import Table, Tabular, listed_predictions
from services.serving.api.versioned import Versioned
from services.serving.domain.errors import ExplainNotAvailableError, MalformedBodyError
from services.serving.domain.wording import shown
from services.serving.metrics import Dialect
from services.serving.operations import Answer, Card
from understudy.contracts.refusals import FieldError, Refusal, json_pointer
from understudy.contracts.vocabulary import Scope
from understudy.runtime.keys import presented_key

_MODEL: Final = "/v1/models/{model}"
_TAKES: Final = 'Send {"instances": [{"feature": value, …}, …]}.'
_ONLY_SIGNATURE: Final = "serving_default"
"""What TensorFlow Serving calls a model's signature where there is but one."""


def routes(asking: Asking) -> Sequence[BaseRoute]:
    """`/v1/models`; the state, `:predict` and `:explain` of a model, or of one of its versions."""

    async def models(request: Request) -> Response:
        return JSONResponse({"models": asking.reachable(request, Scope.READ, Scope.PREDICT)})

    async def model(request: Request) -> Response:
        name, version = request.path_params["model"], request.path_params.get("version")
        try:
            asking.models.find(name, presented_key(request.headers), version)
        except Refusal as refusal:
            raise asking.counted(name, refusal) from None
        return JSONResponse({"name": name, "ready": True})

    async def predict(request: Request) -> Response:
        body: dict[str, object] = {}

        def read(_request: Request, content: bytes, card: Card) -> Question:
            body.update(_object(decode_json(content, _TAKES)))
            tabular = Tabular(card.signature.names, asking.check_rows)
            return _table(body, tabular).question()

        def write(_question: Question, answers: Sequence[Answer], _card: Card) -> Response:
            return listed_predictions(answers, "outputs" if "inputs" in body else "predictions")

        name = request.path_params["model"]
        asked = Versioned(asking, request, name, Dialect.V1)
        return await asked.answer(request.path_params.get("version"), read, write)

    async def explain(request: Request) -> Response:
        name = asking.card(request, request.path_params["model"]).name
        raise asking.counted(name, ExplainNotAvailableError())

    found = [*taking("GET", "/v1/models", models)]
    for path in (_MODEL, f"{_MODEL}/versions/{{version}}"):
        found += taking("POST", f"{path}:predict", predict)
        found += taking("POST", f"{path}:explain", explain)
        found += taking("GET", path, model)
    return found


def _object(decoded: object) -> dict[str, object]:
    if not isinstance(decoded, dict):
        raise MalformedBodyError(f"The body is no object. {_TAKES}")
    return decoded


def _table(body: dict[str, object], tabular: Tabular) -> Table:
    """The row format or the columnar one; members that neither knows are ignored."""
    named = body.get("signature_name")
    if named not in (None, "", _ONLY_SIGNATURE):
        message = f"must be {_ONLY_SIGNATURE!r} or absent; got {shown(named)}"
        raise MalformedBodyError(
            f"signature_name {message}.", FieldError(json_pointer("signature_name"), message)
        )
    match body:
        case {"instances": _, "inputs": _}:
            raise MalformedBodyError(f"The body holds both instances and inputs. {_TAKES}")
        case {"instances": instances}:
            return tabular.instances(instances, "instances")
        case {"inputs": dict(columns)}:
            return tabular.columns(columns, "inputs")
        case {"inputs": values}:
            return tabular.instances(values, "inputs")
    raise MalformedBodyError(f"The body has no member instances. {_TAKES}")
