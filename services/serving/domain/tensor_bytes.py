"""Tensors as bytes: little endian, row-major; BYTES are texts, each after its length in 4 bytes.

Of floats NaN is a missing value. What is allocated is bounded by the bytes that came.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from services.serving.domain.tensors import FLOATS, Datatype, Element, Tensor, elements, malformed

_TYPES: Final[Mapping[Datatype, np.dtype[Any]]] = {
    Datatype.BOOL: np.dtype("u1"),
    Datatype.UINT8: np.dtype("u1"),
    Datatype.UINT16: np.dtype("<u2"),
    Datatype.UINT32: np.dtype("<u4"),
    Datatype.UINT64: np.dtype("<u8"),
    Datatype.INT8: np.dtype("i1"),
    Datatype.INT16: np.dtype("<i2"),
    Datatype.INT32: np.dtype("<i4"),
    Datatype.INT64: np.dtype("<i8"),
    Datatype.FP16: np.dtype("<f2"),
    Datatype.FP32: np.dtype("<f4"),
    Datatype.FP64: np.dtype("<f8"),
}
_LENGTH: Final = struct.Struct("<I")


def from_bytes(
    name: str, datatype: Datatype, shape: Sequence[int], data: bytes | memoryview
) -> Tensor:
    """A tensor of all the bytes. Raises MalformedTensorsError unless they are what is declared."""
    count = elements(name, shape)
    if datatype is Datatype.BYTES:
        return Tensor(name, datatype, tuple(shape), _texts(name, shape, count, bytes(data)))
    dtype = _TYPES[datatype]
    if count * dtype.itemsize != len(data):
        raise malformed(
            name,
            f"shape {[*shape]} of {datatype} is {count * dtype.itemsize} bytes; there are "
            f"{len(data)}",
        )
    array = np.frombuffer(data, dtype)
    if datatype is Datatype.BOOL:
        return Tensor(name, datatype, tuple(shape), _booleans(name, array))
    return Tensor(name, datatype, tuple(shape), _numbers(datatype, array))


def to_bytes(tensor: Tensor) -> bytes:
    """The inverse of `from_bytes`. A missing text is an empty one."""
    if tensor.datatype is Datatype.BYTES:
        texts = [str(value or "").encode() for value in tensor.values]
        return b"".join(part for text in texts for part in (_LENGTH.pack(len(text)), text))
    return np.array(tensor.values, dtype=_TYPES[tensor.datatype]).tobytes()


def _numbers(datatype: Datatype, array: NDArray[Any]) -> list[Element]:
    if datatype in FLOATS:
        missing = np.isnan(array)
        if missing.any():
            array = array.astype(object)
            array[missing] = None
    found: list[Element] = array.tolist()
    return found


def _booleans(name: str, array: NDArray[Any]) -> list[Element]:
    if (array > 1).any():
        raise malformed(name, f"BOOL is a byte of 0 or 1; got {array.max()}")
    found: list[Element] = array.astype(bool).tolist()
    return found


def _texts(name: str, shape: Sequence[int], count: int, data: bytes) -> list[Element]:
    if count * _LENGTH.size > len(data):
        raise malformed(
            name,
            f"shape {[*shape]} of BYTES is at least {count * _LENGTH.size} bytes; there are "
            f"{len(data)}",
        )
    texts: list[Element] = []
    start = 0
    for index in range(count):
        stop = start + _LENGTH.size
        if stop > len(data):
            raise malformed(name, f"the bytes end before element {index} of {count}")
        (length,) = _LENGTH.unpack_from(data, start)
        start = stop + length
        if start > len(data):
            raise malformed(
                name, f"element {index} is {length} bytes long; {len(data) - stop} bytes are left"
            )
        try:
            texts.append(str(data[stop:start], "utf-8"))
        except UnicodeDecodeError as error:
            raise malformed(name, f"element {index} is not UTF-8") from error
    if start != len(data):
        raise malformed(name, f"{len(data) - start} bytes are left after its {count} elements")
    return texts
