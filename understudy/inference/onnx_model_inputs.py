"""What an ONNX model made elsewhere takes, and checked rows as it takes them.

Either one matrix of numbers with the features in the signature's order, or one tensor for each
feature, named as it is. Needs numpy alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from understudy.contracts.signature import Feature, Signature
from understudy.contracts.vocabulary import Label
from understudy.inference.errors import RefusedRowsError
from understudy.inference.onnx_model_types import (
    NUMBERS,
    Tensor,
    check_nulls,
    is_wide,
    matched,
    matrix_type,
    type_for,
)
from understudy.inference.onnx_model_words import quoted
from understudy.inference.rows import Rows
from understudy.inference.scored import Floats

Fed = dict[str, NDArray[Any]]
"""What a session is run with."""


class Feed(Protocol):
    """Makes what a session is run with."""

    def of(self, rows: Rows) -> Fed:
        """RefusedRowsError for values that the model's inputs can't hold."""


def feed_of(inputs: Sequence[Tensor], signature: Signature, nulls: Mapping[str, Label]) -> Feed:
    """`nulls`: by feature, what stands for a missing value. UnfitModelError says what to change."""
    check_nulls(signature, nulls)
    if len(inputs) == 1 and not _named_alike(inputs[0], signature):
        return _Matrix(inputs[0], signature, nulls)
    return _Columns(inputs, signature, nulls)


class _Matrix:
    """One tensor, N × features."""

    def __init__(self, tensor: Tensor, signature: Signature, nulls: Mapping[str, Label]) -> None:
        self._name = tensor.name
        self._dtype = matrix_type(tensor, signature)
        self._stand_ins = _stand_ins(signature, nulls)

    def of(self, rows: Rows) -> Fed:
        numbers = _cast(_filled(rows.numbers, self._stand_ins), self._dtype)
        return {self._name: np.ascontiguousarray(numbers)}


@dataclass(frozen=True, slots=True)
class _Numeric:
    name: str
    place: int
    dtype: Any
    wide: bool
    """N × 1 instead of N."""


@dataclass(frozen=True, slots=True)
class _Text:
    name: str
    null: str | None
    wide: bool

    def of(self, texts: list[str | None]) -> NDArray[Any]:
        if None in texts:
            if self.null is None:
                raise RefusedRowsError(
                    f"a missing category, which the model's input {quoted(self.name)} can't hold"
                )
            texts = [self.null if text is None else text for text in texts]
        found = np.array(texts, dtype=object)
        return found.reshape(-1, 1) if self.wide else found


class _Columns:
    """One tensor for each feature, N × 1 or N."""

    def __init__(
        self, inputs: Sequence[Tensor], signature: Signature, nulls: Mapping[str, Label]
    ) -> None:
        by_name = matched(inputs, signature)
        numeric = [feature for feature in signature.features if feature.numeric]
        texts = [feature for feature in signature.features if not feature.numeric]
        self._numeric = [
            _Numeric(
                feature.name,
                place,
                NUMBERS[type_for(feature, by_name[feature.name])],
                is_wide(by_name[feature.name]),
            )
            for place, feature in enumerate(numeric)
        ]
        self._texts = [_text_of(feature, by_name[feature.name], nulls) for feature in texts]
        self._stand_ins = _stand_ins(signature, nulls)
        self._columns = {
            dtype: [column.place for column in self._numeric if column.dtype is dtype]
            for dtype in dict.fromkeys(column.dtype for column in self._numeric)
        }

    def of(self, rows: Rows) -> Fed:
        numbers = _filled(rows.numbers, self._stand_ins)
        fed: Fed = {}
        for dtype, places in self._columns.items():
            alone = len(self._columns) == 1
            # Column by column in memory, so that each is taken as it lies there.
            part = np.asfortranarray(_cast(numbers if alone else numbers[:, places], dtype))
            columns = (column for column in self._numeric if column.dtype is dtype)
            for place, column in enumerate(columns):
                fed[column.name] = part[:, place : place + 1] if column.wide else part[:, place]
        for text, values in zip(self._texts, rows.texts, strict=True):
            fed[text.name] = text.of(values)
        return fed


def _named_alike(tensor: Tensor, signature: Signature) -> bool:
    """Whether the only input is the only feature, rather than a matrix of one column."""
    return signature.names == (tensor.name,)


def _text_of(feature: Feature, tensor: Tensor, nulls: Mapping[str, Label]) -> _Text:
    type_for(feature, tensor)
    null = nulls.get(feature.name)
    return _Text(feature.name, null if isinstance(null, str) else None, is_wide(tensor))


def _stand_ins(signature: Signature, nulls: Mapping[str, Label]) -> Floats | None:
    """Of each numeric feature: what stands for NaN, or NaN."""
    numeric = [feature.name for feature in signature.features if feature.numeric]
    if not any(name in nulls for name in numeric):
        return None
    return np.array([float(nulls.get(name, np.nan)) for name in numeric])


def _filled(numbers: Floats, stand_ins: Floats | None) -> Floats:
    return numbers if stand_ins is None else np.where(np.isnan(numbers), stand_ins, numbers)


def _cast(numbers: Floats, dtype: Any) -> NDArray[Any]:
    if dtype is np.float64:
        return numbers
    if dtype is np.float32:
        with np.errstate(over="ignore"):
            found: NDArray[Any] = numbers.astype(np.float32)
        if np.isinf(found).any():
            raise RefusedRowsError("a number that float32 can't hold")
        return found
    if np.isnan(numbers).any():
        raise RefusedRowsError("a missing number, which the model's whole numbers can't hold")
    if dtype is np.bool_:
        return np.not_equal(numbers, 0.0)
    # The largest whole number itself is none that a float64 holds: it would be rounded up.
    if (np.abs(numbers) >= 2.0 ** (np.iinfo(dtype).bits - 1)).any():
        raise RefusedRowsError(f"a number that {np.dtype(dtype).name} can't hold")
    return np.asarray(numbers.astype(dtype))
