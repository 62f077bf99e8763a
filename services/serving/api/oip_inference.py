"""One request for inference: from its body to rows, and from answers to its response."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from services.serving.api.asking import Asking, Question
from services.serving.api.oip_bodies import HEADER_LENGTH, Tail, parts_of
from services.serving.api.oip_named import named
from services.serving.domain.errors import (
    InvalidTensorsError,
    MalformedBodyError,
    UnsupportedError,
)
from services.serving.domain.ids import well_formed
from services.serving.domain.rows import Shape
from services.serving.domain.tensor_bytes import from_bytes, to_bytes
from services.serving.domain.tensor_rows import (
    TensorRows,
    answer_tensors,
    metadata_tensors,
    rows_of,
)
from services.serving.domain.tensors import Tensor, datatype_of, from_nested
from services.serving.operations import Answer, Card
from understudy.contracts.refusals import FieldError, json_pointer

_BINARY_SIZE: Final = "binary_data_size"
_SHARED: Final = "shared_memory_region"
_SEQUENCE: Final = ("sequence_id", "sequence_start", "sequence_end")
_MOST_NAME: Final = 128


@dataclass(frozen=True, slots=True)
class _Output:
    """What the caller wants to have of the answers."""

    name: str
    binary: bool


class Inference:
    """`read` and `write` are what `Asking.answer` calls."""

    def __init__(self, asking: Asking, model: str) -> None:
        self._asking = asking
        self._model = model
        self._id: str | None = None
        self._binary = False
        self._outputs: Sequence[_Output] | None = None
        """None: all there are."""
        self._nested: Sequence[bool] = ()
        """Of each tensor, whether its data came as lists in a list."""

    def read(self, request: Request, body: bytes, card: Card) -> Question:
        """Raises Refusal subclasses."""
        parts = parts_of(request.headers, body, self._asking.body_limit)
        said = parts.said
        parameters = _parameters(said, ())
        if any(parameters.get(name) for name in _SEQUENCE):
            raise UnsupportedError(
                "Models here keep no state between requests: leave sequence_id, sequence_start and "
                "sequence_end out."
            )
        self._id = _text(said, "id", ()) or None
        self._binary = parameters.get("binary_data_output") is True
        self._outputs = self._wanted(said, card)
        rows = rows_of(self._tensors(said, parts.binary), card.signature)
        self._asking.check_rows(len(rows))
        return Question(
            rows,
            Shape.LIST,
            self._id if self._id is not None and well_formed(self._id) else None,
            lambda pointer: self._pointing(rows, pointer),
        )

    def write(self, _question: Question, answers: Sequence[Answer], card: Card) -> Response:
        """All outputs, or those that were asked for, as JSON or binary."""
        found = {tensor.name: tensor for tensor in answer_tensors(answers, card)}
        wanted = self._outputs
        if wanted is None:
            wanted = [_Output(name, self._binary) for name in found]
        for output in wanted:
            if output.name not in found:
                raise _unknown_output(output.name, found)
        binaries = [to_bytes(found[output.name]) for output in wanted if output.binary]
        sizes = iter(map(len, binaries))
        content = msgspec.json.encode(
            {
                "model_name": self._model,
                "model_version": str(answers[0].version),
                **self._named(answers),
                "outputs": [
                    _output(found[output.name], next(sizes) if output.binary else None)
                    for output in wanted
                ],
            }
        )
        if not binaries:
            return Response(content, media_type="application/json")
        return Response(
            b"".join((content, *binaries)),
            headers={HEADER_LENGTH: str(len(content))},
            media_type="application/octet-stream",
        )

    def _tensors(self, said: Mapping[str, object], binary: memoryview) -> Sequence[Tensor]:
        inputs = said.get("inputs")
        if not isinstance(inputs, list) or not inputs:
            raise _malformed("must be a list of tensors", "inputs")
        tail = Tail(binary)
        tensors, nested = [], []
        for index, one in enumerate(inputs):
            if not isinstance(one, dict):
                raise _malformed("must be an object", "inputs", index)
            tensors.append(_tensor(one, index, tail))
            data = one.get("data")
            nested.append(isinstance(data, list) and bool(data) and isinstance(data[0], list))
        tail.end()
        self._nested = nested
        return tensors

    def _wanted(self, said: Mapping[str, object], card: Card) -> Sequence[_Output] | None:
        outputs = said.get("outputs")
        if outputs is None or outputs == []:
            return None
        if not isinstance(outputs, list):
            raise _malformed("must be a list of outputs", "outputs")
        _, known = metadata_tensors(card.signature)
        names = [tensor.name for tensor in known]
        return [self._output(one, index, names) for index, one in enumerate(outputs)]

    def _output(self, one: object, index: int, names: Sequence[str]) -> _Output:
        place = ("outputs", index)
        if not isinstance(one, dict):
            raise _malformed("must be an object", *place)
        parameters = _parameters(one, place)
        _refuse_shared(parameters, place)
        if parameters.get("classification"):
            words = "is not offered; the output 'probabilities' has that of every class"
            pointer = json_pointer(*place, "parameters", "classification")
            raise InvalidTensorsError(f"classification: {words}", FieldError(pointer, words))
        name = _text(one, "name", place) or ""
        if name not in names:
            raise _unknown_output(name, names, index)
        binary = parameters.get("binary_data", self._binary)
        return _Output(name, binary is True)

    def _pointing(self, rows: TensorRows, pointer: str) -> str:
        """Where a value stands, of which the rows' reader says `/row/feature`."""
        _, row, *feature = pointer.split("/") if pointer.count("/") in {1, 2} else ("", "")
        if not row.isdecimal() or not feature:
            return json_pointer("inputs")
        name = feature[0].replace("~1", "/").replace("~0", "~")
        found = rows.where(int(row), name)
        if found is None:
            return json_pointer("inputs")
        tensor, element = found
        if not self._nested[tensor]:
            return json_pointer("inputs", tensor, "data", element)
        return json_pointer("inputs", tensor, "data", *divmod(element, rows.width))

    def _named(self, answers: Sequence[Answer]) -> Mapping[str, Any]:
        """The request's id, and what else there is to say."""
        name, parameters = named(self._id, answers)
        return {"id": name, "parameters": parameters} if parameters else {"id": name}


def _tensor(one: Mapping[str, object], index: int, tail: Tail) -> Tensor:
    place = ("inputs", index)
    name = _text(one, "name", place)
    if name is None:
        raise _malformed("is missing", *place, "name")
    parameters = _parameters(one, place)
    _refuse_shared(parameters, place)
    datatype = datatype_of(name, one.get("datatype"))
    shape = one.get("shape")
    if not isinstance(shape, list):
        raise _malformed("must be a list of whole numbers", *place, "shape")
    if _BINARY_SIZE not in parameters:
        return from_nested(name, datatype, shape, one.get("data"))
    if one.get("data") is not None:
        raise _malformed(f"stands beside {_BINARY_SIZE}: send one of them", *place, "data")
    return from_bytes(name, datatype, shape, tail.take(index, parameters[_BINARY_SIZE]))


def _output(tensor: Tensor, binary_size: int | None) -> Mapping[str, Any]:
    told = {"name": tensor.name, "datatype": tensor.datatype, "shape": tensor.shape}
    if binary_size is None:
        return {**told, "data": tensor.values}
    return {**told, "parameters": {_BINARY_SIZE: binary_size}}


def _parameters(of: Mapping[str, object], place: Sequence[str | int]) -> Mapping[str, object]:
    found = of.get("parameters")
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise _malformed("must be an object", *place, "parameters")
    return found


def _text(of: Mapping[str, object], member: str, place: Sequence[str | int]) -> str | None:
    found = of.get(member)
    if found is not None and not isinstance(found, str):
        raise _malformed("must be a text", *place, member)
    return found


def _refuse_shared(parameters: Mapping[str, object], place: Sequence[str | int]) -> None:
    if _SHARED in parameters:
        pointer = json_pointer(*place, "parameters", _SHARED)
        raise UnsupportedError(
            f"{pointer}: shared memory is not offered; send the values in the request.",
            FieldError(pointer, "is not offered"),
        )


def _malformed(words: str, *place: str | int) -> MalformedBodyError:
    pointer = json_pointer(*place)
    return MalformedBodyError(f"{pointer} {words}.", FieldError(pointer, words))


def _unknown_output(
    name: str, known: Sequence[str] | Mapping[str, Tensor], index: int = 0
) -> InvalidTensorsError:
    words = f"there is no output {name[:_MOST_NAME]!r}; there are {', '.join(known)}"
    return InvalidTensorsError(words, FieldError(json_pointer("outputs", index, "name"), words))
