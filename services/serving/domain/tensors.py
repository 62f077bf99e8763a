"""Tensors of the Open Inference Protocol (v2) as values, be they sent as JSON, binary or gRPC.

Source: https://github.com/kserve/open-inference-protocol, "Tensor Data" and the binary tensor data
extension of Triton.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


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
