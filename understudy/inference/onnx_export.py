"""A numeric twin → the bytes of an ONNX graph, by skl2onnx and the converters here.

The converters here stand in for those of skl2onnx that lose precision (float32 fills of an
imputer, trees that compare in the wrong precision), leave parts out or fail.
"""

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import onnx
import skl2onnx
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
from sklearn import ensemble, impute, neighbors, preprocessing, svm, tree

from understudy.inference import onnx_columns, onnx_ensembles, onnx_kernels
from understudy.inference.compiled import METADATA, OUTPUTS
from understudy.inference.manifest import Answer
from understudy.inference.onnx_nodes import KNOWN_ML_OPSET, WideTreesError

_OPSET: Final = {"": 18, "ai.onnx.ml": KNOWN_ML_OPSET}
_ML_OPSET: Final = 5
_FLOAT: Final = onnx.TensorProto.FLOAT
_FORESTS: Final = (
    tree.DecisionTreeClassifier,
    tree.DecisionTreeRegressor,
    tree.ExtraTreeClassifier,
    tree.ExtraTreeRegressor,
    ensemble.RandomForestClassifier,
    ensemble.RandomForestRegressor,
    ensemble.ExtraTreesClassifier,
    ensemble.ExtraTreesRegressor,
)
_BOOSTED: Final = (ensemble.GradientBoostingClassifier, ensemble.GradientBoostingRegressor)
_HISTOGRAM: Final = (
    ensemble.HistGradientBoostingClassifier,
    ensemble.HistGradientBoostingRegressor,
)
_CONVERTERS: Final[dict[type, Callable[..., None]]] = {
    impute.SimpleImputer: onnx_columns.imputer,
    preprocessing.OneHotEncoder: onnx_columns.one_hot,
    preprocessing.OrdinalEncoder: onnx_columns.ordinal,
    neighbors.KNeighborsClassifier: onnx_kernels.neighbours,
    neighbors.KNeighborsRegressor: onnx_kernels.neighbours,
    svm.SVR: onnx_kernels.support_vector_regression,
    svm.NuSVR: onnx_kernels.support_vector_regression,
}
_TREES: Final[dict[type, Callable[..., None]]] = {
    **dict.fromkeys(_FORESTS, onnx_ensembles.forest_nodes),
    **dict.fromkeys(_BOOSTED, onnx_ensembles.boosted_nodes),
    **dict.fromkeys(_HISTOGRAM, onnx_ensembles.histogram_nodes),
}
_SHAPES: Final[dict[type, Callable[[Any], None]]] = {
    impute.SimpleImputer: onnx_columns.imputer_shape,
    preprocessing.OneHotEncoder: onnx_columns.one_hot_shape,
    preprocessing.OrdinalEncoder: onnx_columns.ordinal_shape,
    **dict.fromkeys((*_FORESTS, *_BOOSTED, *_HISTOGRAM), onnx_ensembles.ensemble_shape),
}


def export(model: Any, columns: int, precision: str) -> Any:
    """An ONNX model over an input `rows`, n × columns; raises whatever a converter raises."""
    try:
        found = _converted(model, columns, precision, wide=False)
    except WideTreesError:
        return _converted(model, columns, precision, wide=True)
    for opset in found.opset_import:
        if opset.domain == "ai.onnx.ml":
            opset.version = _ML_OPSET
    return found


def _converted(model: Any, columns: int, precision: str, *, wide: bool) -> Any:
    kind = DoubleTensorType if precision == "float64" else FloatTensorType
    trees = {of: partial(converter, wide=wide) for of, converter in _TREES.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return skl2onnx.convert_sklearn(
            model,
            initial_types=[("rows", kind([None, columns]))],
            target_opset=_OPSET,
            options=_options(model),
            custom_conversion_functions=_CONVERTERS | trees,
            custom_shape_calculators=_SHAPES,
        )


def _options(model: Any) -> dict[int, dict[str, bool]] | None:
    """Probabilities as a matrix instead of a list of dictionaries.

    Classifiers without probabilities do not all take that option, and get it unless they are
    given another.
    """
    if hasattr(model, "predict_proba"):
        return {id(model): {"zipmap": False}}
    last = model.steps[-1][1] if hasattr(model, "steps") else model
    return {id(last): {"nocl": False}} if hasattr(last, "classes_") else None


def file_of(model: Any, answer: Answer | None, text: str) -> bytes:
    """The graph with its outputs renamed, less what nobody reads, and a text about it.

    Without an answer it is a transformer's graph, whose one output stays as it is.
    """
    graph = model.graph
    _skip_dictionaries(graph)
    names = [] if answer is None else OUTPUTS[answer]
    given = [*graph.output]
    wanted = given[-1:] if answer is Answer.PROBABILITIES else given[: len(names)]
    if names:
        del graph.output[:]
    for output, name in zip(wanted, names, strict=True):
        graph.node.append(onnx.helper.make_node("Identity", [output.name], [name]))
        output.name = name
        graph.output.append(output)
    onnx.helper.set_model_props(model, {METADATA: text} if text else {})
    return bytes(model.SerializeToString())


def _skip_dictionaries(graph: Any) -> None:
    """Some classifiers insist on answering dictionaries; what these are made of is wanted."""
    for node in [node for node in graph.node if node.op_type == "ZipMap"]:
        graph.node.remove(node)
        for output in graph.output:
            if output.name == node.output[0]:
                kind = onnx.helper.make_tensor_value_info(node.input[0], _FLOAT, None)
                output.CopyFrom(kind)
