"""ModelInfer: the same operation as every other dialect."""

from collections.abc import Sequence
from typing import Final

from services.serving.api.bodies import aside
from services.serving.api.grpc.calls import Call, parsed
from services.serving.api.grpc.tensors import read_tensors, write_tensors
from services.serving.api.grpc.wire.open_inference_pb2 import (
    ModelInferRequest,
    ModelInferResponse,
)
from services.serving.api.oip_named import named
from services.serving.domain.errors import InvalidTensorsError, MalformedBodyError, UnsupportedError
from services.serving.domain.ids import ids_by
from services.serving.domain.rows import Shape
from services.serving.domain.tensor_rows import answer_tensors, metadata_tensors, rows_of
from services.serving.domain.tensors import Tensor
from services.serving.metrics import Dialect
from services.serving.operations import Answer, Card, Serving
from services.serving.operations.cards import card_of
from services.serving.operations.challenged import Challenged
from services.serving.operations.models import Model, Models
from understudy.contracts.refusals import FieldError, json_pointer

_SPARE_TENSORS: Final = 16
"""Beyond one for each feature: enough that what is wrong with them is told by name."""


class Predicting:
    """Answers rows that come as tensors."""

    def __init__(self, serving: Serving, models: Models) -> None:
        self._serving = serving
        self._models = models

    async def infer(self, call: Call, message: bytes) -> ModelInferResponse:
        """Answer one request. Raises Refusal subclasses."""
        try:
            request = parsed(ModelInferRequest, message)
        except MalformedBodyError:
            # It names no deployment, and is a request all the same.
            await self._serving.count(call.key, call.note)
            raise
        name = call.deployment = request.model_name
        welcome = await self._serving.enter(name, call.key, call.note)
        card = card_of(welcome[0])
        version = request.model_version
        model = self._models.find(name, call.key, version) if version else None
        most = len(card.signature.features) + _SPARE_TENSORS
        rows = await aside(
            len(message), lambda: rows_of(read_tensors(request, most), card.signature)
        )
        wanted = _wanted(request, card)
        challenged = self._challenged(model)
        mark = b"" if challenged is None else await challenged.mark(name)
        answers: Sequence[Answer] = await self._serving.predict_for(
            welcome,
            rows,
            ids=ids_by(request.id or call.name, len(rows)),
            shape=Shape.LIST,
            dialect=Dialect.OIP_GRPC,
        )
        if challenged is not None and model is not None:
            # The main is asked as by anybody; told is what the challenger makes of the same rows.
            answers = await challenged.answers(name, mark, model.version, answers)
        version = str(answers[0].version)
        call.told.append(("x-model-version", version))
        if len(answers) == 1:
            call.told.append(("x-prediction-id", answers[0].prediction_id))
        said, parameters = named(request.id or None, answers)
        response = ModelInferResponse(model_name=name, model_version=version, id=said)
        for parameter, text in parameters.items():
            response.parameters[parameter].string_param = text
        tensors = _chosen(answer_tensors(answers, card), wanted)
        write_tensors(response, tensors, raw=bool(request.raw_input_contents))
        return response

    def _challenged(self, model: Model | None) -> Challenged | None:
        if model is None or not model.challenger:
            return None
        if self._models.challenged is None:
            raise UnsupportedError("What challengers answer can't be read by this server.")
        return self._models.challenged


def _wanted(request: ModelInferRequest, card: Card) -> list[str]:
    """The outputs that were asked for, by name. Raises InvalidTensorsError."""
    known = [kind.name for kind in metadata_tensors(card.signature)[1]]
    wanted = [output.name for output in request.outputs]
    for index, name in enumerate(wanted):
        if name not in known:
            what = f"{name[:128]}: is no output of this deployment, which has {', '.join(known)}"
            raise InvalidTensorsError(what, FieldError(json_pointer("outputs", index), what))
    return wanted


def _chosen(tensors: Sequence[Tensor], wanted: Sequence[str]) -> Sequence[Tensor]:
    if not wanted:
        return tensors
    found = {tensor.name: tensor for tensor in tensors}
    return [found[name] for name in wanted if name in found]
