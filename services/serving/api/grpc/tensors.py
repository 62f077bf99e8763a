"""Tensors as messages of the protocol hold them: raw, or as numbers and texts in fields."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from services.serving.api.grpc.wire.open_inference_pb2 import (
    InferTensorContents,
    ModelInferRequest,
    ModelInferResponse,
)
from services.serving.domain.errors import MalformedTensorsError, UnsupportedError
from services.serving.domain.tensor_bytes import from_bytes, to_bytes
from services.serving.domain.tensors import (
    FLOATS,
    Datatype,
    Element,
    Tensor,
    datatype_of,
    elements,
    from_nested,
    malformed,
)

_FIELDS: Final[Mapping[Datatype, str]] = {
    Datatype.BOOL: "bool_contents",
    Datatype.INT8: "int_contents",
    Datatype.INT16: "int_contents",
    Datatype.INT32: "int_contents",
    Datatype.INT64: "int64_contents",
    Datatype.UINT8: "uint_contents",
    Datatype.UINT16: "uint_contents",
    Datatype.UINT32: "uint_contents",
    Datatype.UINT64: "uint64_contents",
    Datatype.FP32: "fp32_contents",
    Datatype.FP64: "fp64_contents",
    Datatype.BYTES: "bytes_contents",
}
_SHARED: Final = "shared_memory_region"
_SEQUENCE: Final = ("sequence_id", "sequence_start", "sequence_end")
_CLASSIFICATION: Final = "classification"


def read_tensors(request: ModelInferRequest, most: int) -> list[Tensor]:
    """The inputs. Raises MalformedTensorsError, UnsupportedError."""
    inputs, raw = request.inputs, request.raw_input_contents
    if not inputs:
        raise MalformedTensorsError("The request has no inputs.")
    if max(len(inputs), len(request.outputs)) > most:
        raise MalformedTensorsError(f"The request has more than {most} inputs or outputs.")
    if raw and len(raw) != len(inputs):
        raise MalformedTensorsError(
            f"raw_input_contents has {len(raw)} entries for {len(inputs)} inputs; each input needs "
            "one, or none does."
        )
    _refuse_extensions(request)
    if raw:
        return [_of_bytes(found, data) for found, data in zip(inputs, raw, strict=True)]
    return [_of_fields(found) for found in inputs]


def _refuse_extensions(request: ModelInferRequest) -> None:
    if any(name in request.parameters for name in _SEQUENCE):
        raise UnsupportedError(
            f"Models here keep no state between requests: leave {', '.join(_SEQUENCE)} out."
        )
    parameters = [found.parameters for found in request.inputs]
    parameters += [found.parameters for found in request.outputs]
    for found in parameters:
        if _SHARED in found:
            raise UnsupportedError("Shared memory is not offered; send the values in the request.")
        if _CLASSIFICATION in found:
            raise UnsupportedError(
                "The classification extension is not offered; the output 'probabilities' has that "
                "of every class."
            )


def write_tensors(response: ModelInferResponse, tensors: Iterable[Tensor], *, raw: bool) -> None:
    """Add the outputs: raw where the request was."""
    for tensor in tensors:
        output = response.outputs.add(name=tensor.name, datatype=tensor.datatype)
        output.shape.extend(tensor.shape)
        if raw:
            response.raw_output_contents.append(to_bytes(tensor))
        else:
            getattr(output.contents, _FIELDS[tensor.datatype]).extend(_told(tensor))


def _of_bytes(found: ModelInferRequest.InferInputTensor, data: bytes) -> Tensor:
    if found.HasField("contents"):
        raise malformed(found.name, "has contents beside raw_input_contents; send one of them")
    datatype = datatype_of(found.name, found.datatype)
    return from_bytes(found.name, datatype, [*found.shape], data)


def _of_fields(found: ModelInferRequest.InferInputTensor) -> Tensor:
    name, shape = found.name, [*found.shape]
    datatype = datatype_of(name, found.datatype)
    field = _FIELDS.get(datatype)
    if field is None:
        raise malformed(name, f"{datatype} has no field; send it in raw_input_contents")
    values = getattr(found.contents, field)
    count = elements(name, shape)
    if count != len(values):
        raise malformed(name, f"shape {shape} has {count} elements; {_held(found.contents, field)}")
    if datatype in FLOATS:  # as bytes, since of these NaN is a missing value
        width = "<f4" if datatype is Datatype.FP32 else "<f8"
        return from_bytes(name, datatype, shape, np.array(values, dtype=width).tobytes())
    return from_nested(name, datatype, shape, _texts(name, values) or [*values])


def _held(contents: InferTensorContents, field: str) -> str:
    others = [other.name for other, _ in contents.ListFields() if other.name != field]
    beside = f" (the values are in {', '.join(others)})" if others else ""
    return f"{field} holds {len(getattr(contents, field))}{beside}"


def _texts(name: str, values: Sequence[Any]) -> list[str]:
    if not values or not isinstance(values[0], bytes):
        return []
    try:
        return [str(value, "utf-8") for value in values]
    except UnicodeDecodeError as error:
        raise malformed(name, "an element is not UTF-8") from error


def _told(tensor: Tensor) -> Iterable[Element | bytes]:
    match tensor.datatype:
        case Datatype.BYTES:
            return (str(value or "").encode() for value in tensor.values)
        case Datatype.FP32 | Datatype.FP64:
            return (math.nan if value is None else value for value in tensor.values)
    return tensor.values
