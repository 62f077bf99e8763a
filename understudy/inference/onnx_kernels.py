"""Nearest neighbours and support vector regression → nodes of an ONNX graph, in float64.

skl2onnx converts the first to a loop that is slower than scikit-learn, and the second to an
operator that exists in float32 alone.
"""

from typing import Any

import numpy as np

from understudy.inference.numeric_twin import NotConvertibleError
from understudy.inference.onnx_nodes import Nodes


def neighbours(scope: Any, operator: Any, container: Any) -> None:
    """KNeighborsClassifier and -Regressor with Euclidean distances."""
    nodes = Nodes(scope, operator, container)
    model = nodes.model
    # By distance, a row that was trained with weighs infinitely much: rounding would decide.
    if model.effective_metric_ != "euclidean" or model.weights != "uniform":
        raise NotConvertibleError(f"neighbours by {model.effective_metric_}, {model.weights}")
    if np.ndim(model._y) != 1:  # noqa: SLF001 - stated nowhere else
        raise NotConvertibleError("neighbours with several outputs")
    distances = _squared_distances(nodes, np.asarray(model._fit_X, dtype=np.float64))  # noqa: SLF001
    count = nodes.constant(np.array([model.n_neighbors], dtype=np.int64))
    _, places = nodes.two("TopK", [distances, count], axis=1, largest=0, sorted=1)
    if hasattr(model, "classes_"):
        _answer_mean(nodes, places, np.eye(len(model.classes_))[model._y])  # noqa: SLF001
    else:
        _answer_mean(nodes, places, np.asarray(model._y, np.float64)[:, None])  # noqa: SLF001


def support_vector_regression(scope: Any, operator: Any, container: Any) -> None:
    """SVR and NuSVR with a linear, polynomial or Gaussian kernel."""
    nodes = Nodes(scope, operator, container)
    model = nodes.model
    vectors, gamma = np.asarray(model.support_vectors_, dtype=np.float64), float(model._gamma)  # noqa: SLF001
    if model.kernel == "rbf":
        similar = nodes.scaled(_squared_distances(nodes, vectors), -gamma)
        similar = nodes.add("Exp", [similar])
    elif model.kernel in {"linear", "poly"}:
        similar = nodes.add("MatMul", [nodes.rows(), nodes.constant(vectors.T)])
    else:
        raise NotConvertibleError(f"a {model.kernel} kernel")
    if model.kernel == "poly":
        similar = nodes.scaled(similar, gamma)
        similar = nodes.add("Add", [similar, nodes.constant(np.array([float(model.coef0)]))])
        similar = nodes.add("Pow", [similar, nodes.constant(np.array([float(model.degree)]))])
    found = nodes.add("MatMul", [similar, nodes.constant(model.dual_coef_.T)])
    nodes.answer(nodes.add("Add", [found, nodes.constant(model.intercept_)]))


def _squared_distances(nodes: Nodes, points: Any) -> str:
    """N × points: |x|² - 2 x·p + |p|², at least 0."""
    rows = nodes.rows()
    axes = nodes.constant(np.array([1], dtype=np.int64))
    own = nodes.add("ReduceSumSquare", [rows, axes], keepdims=1)
    both = nodes.add("MatMul", [rows, nodes.constant(-2.0 * points.T)])
    found = nodes.add("Add", [both, nodes.constant((points**2).sum(axis=1))])
    return nodes.add("Max", [nodes.add("Add", [found, own]), nodes.constant(np.array([0.0]))])


def _answer_mean(nodes: Nodes, places: str, answers: Any) -> None:
    """What the neighbours answer on average, n × outputs."""
    axes = nodes.constant(np.array([1], dtype=np.int64))
    answered = nodes.add("Gather", [nodes.constant(answers), places], axis=0)
    mean = nodes.add("ReduceMean", [answered, axes], keepdims=0)
    if not hasattr(nodes.model, "classes_"):
        nodes.answer(mean)
        return
    nodes.answer(nodes.add("ArgMax", [mean], axis=1, keepdims=0), 0)
    nodes.answer(mean, 1)
