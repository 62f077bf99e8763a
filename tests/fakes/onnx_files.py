"""ONNX models for tests: converted from scikit-learn, or written by hand."""

from collections.abc import Mapping, Sequence
from typing import Any

import onnx
from onnx import TensorProto, helper
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType

from understudy.contracts.signature import Signature

OPSET = 17


def by_name(model: Any, signature: Signature, *, zipmap: bool = False) -> bytes:
    """A classifier's ONNX model that takes each feature by its name, numbers as float32."""
    types = [
        (feature.name, (FloatTensorType if feature.numeric else StringTensorType)([None, 1]))
        for feature in signature.features
    ]
    options = {id(model): {"zipmap": zipmap}}
    return written(convert_sklearn(model, initial_types=types, options=options))


def of_matrix(model: Any, width: int, *, zipmap: bool | None = False, whole: bool = False) -> bytes:
    """The ONNX model of an estimator that takes one matrix; `zipmap` None for a regressor."""
    kind = Int64TensorType if whole else FloatTensorType
    options = None if zipmap is None else {id(model): {"zipmap": zipmap}}
    return written(
        convert_sklearn(model, initial_types=[("X", kind([None, width]))], options=options)
    )


def with_properties(content: bytes, properties: Mapping[str, str]) -> bytes:
    """The same with properties in its metadata."""
    model = onnx.load_model_from_string(content)
    helper.set_model_props(model, dict(properties))
    return written(model)


def by_hand(
    nodes: Sequence[Any],
    inputs: Sequence[tuple[str, int, Any]],
    outputs: Sequence[tuple[str, int, Any]],
    *,
    initializers: Sequence[Any] = (),
    opset: int = OPSET,
    domains: Mapping[str, int] | None = None,
) -> Any:
    """A model of these operators; inputs and outputs are names, element types and shapes."""
    graph = helper.make_graph(
        [*nodes],
        "graph",
        [helper.make_tensor_value_info(*one) for one in inputs],
        [helper.make_tensor_value_info(*one) for one in outputs],
        initializer=[*initializers],
    )
    asked = {"": opset, **(domains or {})}
    opsets = [helper.make_opsetid(domain, version) for domain, version in asked.items()]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def copying(**members: Any) -> Any:
    """The smallest model: it answers a matrix of two columns as it is."""
    shape = ["N", 2]
    told: dict[str, Any] = {
        "nodes": [helper.make_node("Identity", ["x"], ["y"])],
        "inputs": [("x", TensorProto.FLOAT, shape)],
        "outputs": [("y", TensorProto.FLOAT, shape)],
    } | members
    return by_hand(**told)


def written(model: Any) -> bytes:
    """A model's bytes."""
    content: bytes = model.SerializeToString()
    return content
