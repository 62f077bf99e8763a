"""Nodes of a graph under construction, within one converter of skl2onnx."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
from skl2onnx.proto import onnx_proto

KNOWN_ML_OPSET: Final = 3
"""The newest set of skl2onnx; `TreeEnsemble` is of set 5, which the finished graph states."""


class WideTreesError(Exception):
    """The graph holds trees with several values a leaf, which need the older kind of node."""


class Nodes:
    """Adds nodes for one operator, in the precision of its input."""

    def __init__(
        self, scope: Any, operator: Any, container: Any, *, wide_trees: bool = False
    ) -> None:
        self.wide_trees = wide_trees
        """Whether the graph's trees are of the older kind: it can't hold both."""
        self._scope = scope
        self._operator = operator
        self._container = container
        double = isinstance(operator.inputs[0].type, DoubleTensorType)
        self.dtype: Any = np.float64 if double else np.float32
        self.type: int = onnx_proto.TensorProto.DOUBLE if double else onnx_proto.TensorProto.FLOAT

    @property
    def model(self) -> Any:
        """The fitted object that is being converted."""
        return self._operator.raw_operator

    def rows(self) -> str:
        """The operator's input, of one precision and n × columns."""
        inputs = [self.cast(variable.full_name) for variable in self._operator.inputs]
        return inputs[0] if len(inputs) == 1 else self.add("Concat", inputs, axis=1)

    def cast(self, name: str, to: int | None = None) -> str:
        """Values in another type; in the operator's own unless told."""
        return self.add("Cast", [name], to=self.type if to is None else to)

    def constant(self, values: Any) -> str:
        """An array; numbers are rounded to the operator's precision."""
        array = np.asarray(values)
        if array.dtype == np.float64:
            array = array.astype(self.dtype)
        types = {
            np.dtype(np.float64): onnx_proto.TensorProto.DOUBLE,
            np.dtype(np.float32): onnx_proto.TensorProto.FLOAT,
            np.dtype(np.int64): onnx_proto.TensorProto.INT64,
        }
        name = str(self._scope.get_unique_variable_name("constant"))
        kind = types[array.dtype]
        self._container.add_initializer(name, kind, array.shape, array.ravel().tolist())
        return name

    def add(self, kind: str, inputs: list[str], **attributes: Any) -> str:
        """A node with one output, whose name is returned."""
        found = str(self._scope.get_unique_variable_name(kind.lower()))
        self._node(kind, inputs, found, attributes)
        return found

    def two(self, kind: str, inputs: list[str], **attributes: Any) -> tuple[str, str]:
        """A node with two outputs."""
        names = [str(self._scope.get_unique_variable_name(kind.lower())) for _ in range(2)]
        self._node(kind, inputs, names, attributes)
        return names[0], names[1]

    def scaled(self, name: str, factor: float) -> str:
        """Every value multiplied by a number."""
        return self.add("Mul", [name, self.constant(np.array([factor]))])

    def answer(self, name: str, output: int = 0) -> None:
        """Hand a value on as one of the operator's outputs."""
        self._node("Identity", [name], self._operator.outputs[output].full_name, {})

    def columns(self, name: str, places: NDArray[np.int64]) -> str:
        """Some of the columns, in any order and number."""
        return self.add("Gather", [name, self.constant(places.astype(np.int64))], axis=1)

    def _node(
        self, kind: str, inputs: list[str], output: str | list[str], attributes: dict[str, Any]
    ) -> None:
        if kind in {"TreeEnsemble", "TreeEnsembleRegressor"}:
            attributes |= {"op_domain": "ai.onnx.ml", "op_version": KNOWN_ML_OPSET}
        self._container.add_node(
            kind, inputs, output, name=self._scope.get_unique_operator_name(kind), **attributes
        )


def shape(operator: Any, columns: int, output: int = 0) -> None:
    """State an output as n × columns in the precision of the operator's input."""
    double = isinstance(operator.inputs[0].type, DoubleTensorType)
    kind = DoubleTensorType if double else FloatTensorType
    rows = operator.inputs[0].type.shape[0]
    operator.outputs[output].type = kind([rows, columns])
