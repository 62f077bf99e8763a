"""ModelInfer: the same operation as every other dialect."""

from collections.abc import Sequence
from typing import Final

from services.serving.api.grpc.calls import Call, parsed
from services.serving.api.grpc.tensors import read_tensors, write_tensors
from services.serving.api.grpc.wire.open_inference_pb2 import (
    ModelInferRequest,
    ModelInferResponse,
)
from services.serving.domain.errors import InvalidTensorsError
from services.serving.domain.ids import ids_by
from services.serving.domain.rows import Shape
from services.serving.domain.tensor_rows import answer_tensors, metadata_tensors, rows_of
from services.serving.domain.tensors import Tensor
from services.serving.metrics import Dialect
from services.serving.operations import Answer, Card, Serving
from services.serving.operations.models import Models
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
        request = parsed(ModelInferRequest, message)
        name = call.deployment = request.model_name
        card = self._serving.admit(name, call.key)
        model = self._models.find(name, call.key, request.model_version or None)
        most = len(card.signature.features) + _SPARE_TENSORS
        rows = rows_of(read_tensors(request, most), card.signature)
        wanted = _wanted(request, card)
        call.counted = True
        answers: Sequence[Answer] = await self._serving.predict(
            name,
            rows,
            key=call.key,
            ids=ids_by(request.id or call.name, len(rows)),
            shape=Shape.LIST,
            dialect=Dialect.OIP_GRPC,
        )
        del model
        version = str(answers[0].version)
        call.told.append(("x-model-version", version))
        if len(answers) == 1:
            call.told.append(("x-prediction-id", answers[0].prediction_id))
        response = ModelInferResponse(
            model_name=name, model_version=version, id=request.id or _common(answers)
        )
        tensors = _chosen(answer_tensors(answers, card), wanted)
        write_tensors(response, tensors, raw=bool(request.raw_input_contents))
        return response


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


def _common(answers: Sequence[Answer]) -> str:
    """What the ids of all rows begin with."""
    first = answers[0].prediction_id
    return first if len(answers) == 1 else first.rpartition(".")[0]
