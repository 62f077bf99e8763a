"""Tensors of the Open Inference Protocol (v2) as values, be they sent as JSON, binary or gRPC.

Source: https://github.com/kserve/open-inference-protocol, "Tensor Data" and the binary tensor data
extension of Triton. `tensor_bytes` reads and writes binary ones, `tensor_rows` makes rows of them.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import Any, Final, cast

from services.serving.domain.errors import MalformedTensorsError
from services.serving.domain.wording import shown

MOST_DIMENSIONS: Final = 8
_MOST_SHOWN: Final = 128


class Datatype(StrEnum):
    """The protocol's closed set of element types."""

    BOOL = "BOOL"
    UINT8 = "UINT8"
    UINT16 = "UINT16"
    UINT32 = "UINT32"
    UINT64 = "UINT64"
    INT8 = "INT8"
    INT16 = "INT16"
    INT32 = "INT32"
    INT64 = "INT64"
    FP16 = "FP16"
    FP32 = "FP32"
    FP64 = "FP64"
    BYTES = "BYTES"


Element = bool | int | float | str | None
"""One value as JSON has it; None is a missing one."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """Values of one type in row-major order; as many as the product of `shape`."""

    name: str
    datatype: Datatype
    shape: tuple[int, ...]
    values: Sequence[Element]


@dataclass(frozen=True, slots=True)
class TensorKind:
    """What a deployment takes or answers; of a dimension that varies the size is -1."""

    name: str
    datatype: Datatype
    shape: tuple[int, ...]


def malformed(name: str, words: str) -> MalformedTensorsError:
    """What to say of a tensor that can't be decoded."""
    return MalformedTensorsError(f"Tensor {name[:_MOST_SHOWN]!r}: {words}")


def datatype_of(name: str, text: object) -> Datatype:
    """Raises MalformedTensorsError for what is no datatype."""
    try:
        return Datatype(text)  # type: ignore[arg-type]  # raises ValueError for any other type
    except ValueError as error:
        takes = ", ".join(Datatype)
        raise malformed(name, f"datatype must be one of {takes}; got {shown(text)}") from error


def elements(name: str, shape: Sequence[int]) -> int:
    """How many elements a shape has. Raises MalformedTensorsError for what is no shape."""
    if len(shape) > MOST_DIMENSIONS:
        raise malformed(name, f"shape has {len(shape)} dimensions; at most {MOST_DIMENSIONS}")
    for size in shape:
        if type(size) is not int or not 0 <= size < 2**63:
            raise malformed(
                name, f"shape must be a list of whole numbers of at least 0; got {shown(size)}"
            )
    return math.prod(shape)


def from_nested(name: str, datatype: Datatype, shape: Sequence[int], data: object) -> Tensor:
    """A tensor whose values came as JSON: a flat list, or lists nested as the shape says.

    Null is a missing value, of FP and BYTES. Raises MalformedTensorsError.
    """
    count = elements(name, shape)
    if not isinstance(data, list):
        raise malformed(name, f"data must be a list; got {shown(data)}")
    values = _flat(name, shape, count, data)
    try:
        return Tensor(name, datatype, tuple(shape), _READERS[datatype](datatype, values))
    except _UnfitError as error:
        raise malformed(name, f"{datatype} is {error.takes}; got {shown(error.found)}") from error


class _UnfitError(Exception):
    """A value is not of the datatype."""

    def __init__(self, takes: str, found: object) -> None:
        super().__init__(takes)
        self.takes = takes
        self.found = found


def _flat(name: str, shape: Sequence[int], count: int, data: list[object]) -> list[object]:
    """The values in row-major order. Never holds more than what came."""
    if list not in {*map(type, data)}:
        if len(data) != count:
            raise malformed(name, f"shape {[*shape]} has {count} elements; data holds {len(data)}")
        return data
    level: list[object] = [data]
    for depth, size in enumerate(shape):
        for part in level:
            if not isinstance(part, list) or len(part) != size:
                held = len(part) if isinstance(part, list) else shown(part)
                raise malformed(
                    name,
                    f"data is not nested as shape {[*shape]} says: a list of {size} was due at "
                    f"depth {depth}, not {held}",
                )
        level = [*chain.from_iterable(level)]  # type: ignore[arg-type]  # all are lists
    return level


def _booleans(_datatype: Datatype, values: list[object]) -> list[Element]:
    takes = "true or false"
    # Clients that are made of the protocol's OpenAPI text send 1.0 and 0.0.
    if _only(values, takes, bool, int, float) - {bool}:
        for value in values:
            if value not in {0, 1}:
                raise _UnfitError(takes, value)
    return [*map(bool, values)]


def _texts(_datatype: Datatype, values: list[object]) -> list[Element]:
    _only(values, "a text or null", str, type(None))
    return cast("list[Element]", values)


def _integers(datatype: Datatype, values: list[object]) -> list[Element]:
    low, high = INTEGERS[datatype]
    takes = f"a whole number from {low} to {high}"
    numbers = cast("list[Any]", values)
    if float in _only(values, takes, int, float):
        for value in numbers:
            if value % 1:  # NaN too
                raise _UnfitError(takes, value)
    for value in (min(numbers), max(numbers)) if numbers else ():
        if not low <= value <= high:
            raise _UnfitError(takes, value)
    return [*map(int, numbers)]


def _floats(datatype: Datatype, values: list[object]) -> list[Element]:
    most = FLOATS[datatype]
    takes = f"a number of at most {most:g}, or null"
    found = _only(values, takes, int, float, type(None))
    numbers: list[Any] = [v for v in values if v is not None and v == v]  # noqa: PLR0124 - no NaN
    for value in (min(numbers), max(numbers)) if numbers else ():
        if not -most <= value <= most and abs(value) != math.inf:
            raise _UnfitError(takes, value)
    if len(numbers) == len(values):
        return [*map(float, numbers)] if int in found else numbers
    return [None if v is None or v != v else float(v) for v in cast("list[Any]", values)]  # noqa: PLR0124


def _only(values: list[object], takes: str, *types: type) -> set[type]:
    found = {*map(type, values)}
    if not found <= {*types}:
        raise _UnfitError(takes, next(value for value in values if type(value) not in types))
    return found


INTEGERS: Final[Mapping[Datatype, tuple[int, int]]] = {
    Datatype.UINT8: (0, 2**8 - 1),
    Datatype.UINT16: (0, 2**16 - 1),
    Datatype.UINT32: (0, 2**32 - 1),
    Datatype.UINT64: (0, 2**64 - 1),
    Datatype.INT8: (-(2**7), 2**7 - 1),
    Datatype.INT16: (-(2**15), 2**15 - 1),
    Datatype.INT32: (-(2**31), 2**31 - 1),
    Datatype.INT64: (-(2**63), 2**63 - 1),
}
"""The least and the greatest of each."""
FLOATS: Final[Mapping[Datatype, float]] = {
    Datatype.FP16: 65_504.0,
    Datatype.FP32: (2.0 - 2.0**-23) * 2.0**127,
    Datatype.FP64: (2.0 - 2.0**-52) * 2.0**1023,
}
"""The greatest of each that is finite."""
_READERS: Final[Mapping[Datatype, Callable[[Datatype, list[object]], list[Element]]]] = {
    Datatype.BOOL: _booleans,
    **dict.fromkeys(INTEGERS, _integers),
    **dict.fromkeys(FLOATS, _floats),
    Datatype.BYTES: _texts,
}
