"""Tree models → nodes of an ONNX graph: their sums of trees, and what turns sums into answers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from skl2onnx.common.data_types import Int64TensorType
from skl2onnx.proto import onnx_proto

from understudy.inference.numeric_twin import NotConvertibleError
from understudy.inference.onnx_columns import matches
from understudy.inference.onnx_histogram import histogram
from understudy.inference.onnx_nodes import Nodes, WideTreesError, shape
from understudy.inference.onnx_trees import (
    Ensemble,
    attributes,
    boosted,
    forest,
)
from understudy.inference.onnx_wide_trees import is_wide, wide_attributes


def ensemble_shape(operator: Any) -> None:
    """A label and probabilities, or numbers."""
    model = operator.raw_operator
    if not hasattr(model, "classes_"):
        shape(operator, 1)
        return
    operator.outputs[0].type = Int64TensorType([operator.inputs[0].type.shape[0]])
    shape(operator, len(model.classes_), output=1)


def forest_nodes(scope: Any, operator: Any, container: Any, *, wide: bool = False) -> None:
    """Decision trees and forests of them."""
    nodes = Nodes(scope, operator, container, wide_trees=wide)
    raw = _summed(nodes, _rounded(nodes, nodes.rows()), forest(nodes.model), None)
    if not hasattr(nodes.model, "classes_"):
        nodes.answer(raw)
    elif len(nodes.model.classes_) == 2:
        _answer_classes(nodes, _both(nodes, raw))
    else:
        _answer_classes(nodes, raw)


def boosted_nodes(scope: Any, operator: Any, container: Any, *, wide: bool = False) -> None:
    """GradientBoostingClassifier and -Regressor."""
    nodes = Nodes(scope, operator, container, wide_trees=wide)
    model = nodes.model
    start = model._raw_predict_init(np.zeros((1, model.n_features_in_), np.float32))[0]  # noqa: SLF001
    if type(model.init_).__name__ not in {"str", "DummyClassifier", "DummyRegressor"}:
        raise NotConvertibleError("boosting that starts from another model")
    raw = _summed(nodes, _rounded(nodes, nodes.rows()), boosted(model), start)
    if getattr(model, "loss", None) == "exponential":
        raw = nodes.add("Mul", [raw, nodes.constant(np.array([2.0]))])
    _answer_raw(nodes, raw)


def histogram_nodes(scope: Any, operator: Any, container: Any, *, wide: bool = False) -> None:
    """HistGradientBoostingClassifier and -Regressor, with native categories."""
    nodes = Nodes(scope, operator, container, wide_trees=wide)
    rows, model = nodes.rows(), nodes.model
    ensemble, sides = histogram(model)
    if sides is not None:
        # Splits by category become columns: 0 for those that go left, 1 for right.
        encoder = model._preprocessor.named_transformers_["encoder"]  # noqa: SLF001
        places = np.flatnonzero(model.is_categorical_)
        seen = matches(nodes, nodes.columns(rows, places), encoder.categories_)
        right = nodes.add("MatMul", [seen, nodes.constant(sides.table)])
        right = nodes.add("Add", [right, nodes.constant(sides.otherwise)])
        rows = nodes.add("Concat", [rows, right], axis=1)
    raw = _summed(nodes, rows, ensemble, model._baseline_prediction.ravel())  # noqa: SLF001
    loss = getattr(model, "_loss", None)
    link = type(getattr(loss, "link", None)).__name__
    if not hasattr(model, "classes_") and link == "LogLink":
        raw = nodes.add("Exp", [raw])
    elif not hasattr(model, "classes_") and link != "IdentityLink":
        raise NotConvertibleError(f"a loss with {link}")
    _answer_raw(nodes, raw)


def _rounded(nodes: Nodes, rows: str) -> str:
    """scikit-learn's trees compare float32."""
    return nodes.cast(nodes.cast(rows, onnx_proto.TensorProto.FLOAT))


def _summed(nodes: Nodes, rows: str, ensemble: Ensemble, start: NDArray[np.float64] | None) -> str:
    if nodes.wide_trees:
        raw = nodes.add("TreeEnsembleRegressor", [rows], **wide_attributes(ensemble, nodes.dtype))
        raw = nodes.cast(raw)
    elif is_wide(ensemble):
        raise WideTreesError
    else:
        raw = nodes.add("TreeEnsemble", [rows], **attributes(ensemble, nodes.dtype))
    if start is None or not np.any(start):
        return raw
    return nodes.add("Add", [raw, nodes.constant(np.asarray(start, dtype=np.float64))])


def _answer_raw(nodes: Nodes, raw: str) -> None:
    model = nodes.model
    if not hasattr(model, "classes_"):
        nodes.answer(raw)
    elif len(model.classes_) == 2:
        _answer_classes(nodes, _both(nodes, nodes.add("Sigmoid", [raw])))
    else:
        _answer_classes(nodes, nodes.add("Softmax", [raw], axis=1))


def _both(nodes: Nodes, second: str) -> str:
    first = nodes.add("Sub", [nodes.constant(np.array([1.0])), second])
    return nodes.add("Concat", [first, second], axis=1)


def _answer_classes(nodes: Nodes, probabilities: str) -> None:
    """Classes are numbered 0, 1, … in the twin that is converted."""
    nodes.answer(nodes.add("ArgMax", [probabilities], axis=1, keepdims=0), 0)
    nodes.answer(probabilities, 1)
