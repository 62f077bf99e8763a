"""Whether the inputs of an ONNX model can take a signature's features; else what to change."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import numpy as np

from understudy.contracts.signature import Feature, Signature
from understudy.contracts.vocabulary import FeatureKind, Label
from understudy.inference.errors import UnfitModelError
from understudy.inference.onnx_model_words import named, quoted

TEXT: Final = "tensor(string)"
NUMBERS: Final[Mapping[str, Any]] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
}
_FLOATS: Final = frozenset({"tensor(float)", "tensor(double)"})
_WHOLE: Final = _FLOATS | {"tensor(int64)", "tensor(int32)"}
_TAKES: Final[Mapping[FeatureKind, frozenset[str]]] = {
    FeatureKind.NUMBER: _FLOATS,
    FeatureKind.INTEGER: _WHOLE,
    FeatureKind.BOOLEAN: _WHOLE | {"tensor(bool)"},
    FeatureKind.CATEGORY: frozenset({TEXT}),
}


class Tensor(Protocol):
    """An input or an output as ONNX Runtime tells of it."""

    @property
    def name(self) -> str:
        """What it is asked by."""

    @property
    def type(self) -> str:
        """Such as `tensor(float)`."""

    @property
    def shape(self) -> Sequence[object]:
        """A number where a dimension is fixed; empty where nothing is said."""


def matrix_type(tensor: Tensor, signature: Signature) -> Any:
    """Of the only input, rows by features. UnfitModelError."""
    texts = [feature.name for feature in signature.features if not feature.numeric]
    title = f"the model's only input {quoted(tensor.name)}"
    if texts:
        raise UnfitModelError(
            f"{title} is one tensor, but {named(texts)} are categories; export the model with one "
            "input for each feature, named as in the signature"
        )
    fractions = [f.name for f in signature.features if f.kind is FeatureKind.NUMBER]
    if tensor.type not in (_FLOATS if fractions else _WHOLE):
        also = "" if fractions else ", tensor(int64)"
        raise UnfitModelError(
            f"{title} is a {tensor.type[:80]}; it takes numbers when it is a tensor(float) or "
            f"tensor(double){also}: export the model with such an input"
        )
    width = len(signature.features)
    if len(tensor.shape) != 2 or isinstance(tensor.shape[0], int):
        raise UnfitModelError(
            f"{title} has the shape {_shown(tensor)}; export it with the shape [None, {width}], "
            "so that it takes any number of rows"
        )
    if isinstance(tensor.shape[1], int) and tensor.shape[1] != width:
        raise UnfitModelError(
            f"{title} takes {tensor.shape[1]} features, the signature states {width}; state the "
            "features that the model was trained with, in their order"
        )
    return NUMBERS[tensor.type]


def matched(inputs: Sequence[Tensor], signature: Signature) -> dict[str, Tensor]:
    """The input of each feature, by name. UnfitModelError."""
    by_name = {tensor.name: tensor for tensor in inputs}
    lacking = [name for name in signature.names if name not in by_name]
    if lacking:
        raise UnfitModelError(
            f"the model has no inputs for the features {named(lacking)}; its inputs are "
            f"{named([*by_name])}. Name its inputs as the signature names the features, or export "
            "it with one matrix of numbers"
        )
    known = {*signature.names}
    more = [name for name in by_name if name not in known]
    if more:
        raise UnfitModelError(
            f"the model takes {named(more)}, which the signature does not state; state all "
            "features that the model was trained with, or drop these inputs"
        )
    return by_name


def type_for(feature: Feature, tensor: Tensor) -> str:
    """Of the input of one feature. UnfitModelError."""
    takes = _TAKES[feature.kind]
    if tensor.type not in takes:
        raise UnfitModelError(
            f"the model's input {quoted(tensor.name)} is a {tensor.type[:80]}, the feature is of "
            f"the kind '{feature.kind}'; export it as one of {', '.join(sorted(takes))}, or state "
            "another kind"
        )
    return tensor.type


def is_wide(tensor: Tensor) -> bool:
    """Whether the input of one feature is N × 1 instead of N. UnfitModelError."""
    shape = tensor.shape
    free = 1 <= len(shape) <= 2 and not isinstance(shape[0], int)
    if not free or (isinstance(shape[-1], int) and shape[-1] != 1):
        raise UnfitModelError(
            f"the model's input {quoted(tensor.name)} has the shape {_shown(tensor)}; export it "
            "with the shape [None, 1] or [None], so that it takes any number of rows"
        )
    return len(shape) == 2


def _shown(tensor: Tensor) -> str:
    return str([*tensor.shape])[:80]


def check_nulls(signature: Signature, nulls: Mapping[str, Label]) -> None:
    """What stands for missing values, by feature, is of the feature's kind. UnfitModelError."""
    features = {feature.name: feature for feature in signature.features}
    for name, value in nulls.items():
        feature = features.get(name)
        if feature is None:
            raise UnfitModelError(
                f"the model says what stands for a missing {quoted(name)}, which is no feature"
            )
        if isinstance(value, str) is feature.numeric:
            kind = "a number" if feature.numeric else "a text"
            raise UnfitModelError(f"what stands for a missing {quoted(name)} must be {kind}")
