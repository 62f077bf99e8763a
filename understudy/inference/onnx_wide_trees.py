"""Trees whose leaves hold a value for each of several classes → attributes of an older node.

The newer one (see `onnx_trees`) takes one value a leaf, so that every tree would be walked once for
each class. The older one answers float32 sums of float64 trees: 3e-8 off.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import numpy_helper

from understudy.inference.onnx_trees import LEAF, Ensemble, Tree, rounded_down


def is_wide(ensemble: Ensemble) -> bool:
    """Whether a leaf holds more than one value."""
    return any(tree.values.shape[1] > 1 for tree in ensemble.trees)


def wide_attributes(ensemble: Ensemble, dtype: Any) -> dict[str, Any]:
    """Of a `TreeEnsembleRegressor` node (ai.onnx.ml 3) over inputs of `dtype`."""
    nodes = [_nodes(tree, place) for place, tree in enumerate(ensemble.trees)]
    pairs = zip(ensemble.trees, ensemble.target, strict=True)
    leaves = [_leaves(tree, place, target) for place, (tree, target) in enumerate(pairs)]
    found: dict[str, Any] = {
        "aggregate_function": "SUM",
        "n_targets": ensemble.targets,
        "post_transform": "NONE",
        "nodes_modes": [
            "LEAF" if left == LEAF else "BRANCH_LEQ"
            for tree in ensemble.trees
            for left in tree.left.tolist()
        ],
    }
    thresholds = rounded_down(np.concatenate([part.pop("values") for part in nodes]), dtype)
    weights = np.concatenate([part.pop("weights") for part in leaves]).astype(dtype)
    for prefix, parts in (("nodes", nodes), ("target", leaves)):
        for name in parts[0]:
            joined = np.concatenate([part[name] for part in parts])
            found[f"{prefix}_{name}"] = joined.astype(np.int64).tolist()
    return found | _figures("nodes_values", thresholds) | _figures("target_weights", weights)


def _nodes(tree: Tree, place: int) -> dict[str, NDArray[Any]]:
    leaf = tree.left == LEAF
    count = len(leaf)
    return {
        "treeids": np.full(count, place),
        "nodeids": np.arange(count),
        "featureids": np.where(leaf, 0, tree.feature),
        "truenodeids": np.where(leaf, 0, tree.left),
        "falsenodeids": np.where(leaf, 0, tree.right),
        "missing_value_tracks_true": tree.missing_left & ~leaf,
        "values": np.where(leaf, 0.0, tree.threshold),
    }


def _leaves(tree: Tree, place: int, target: int) -> dict[str, NDArray[Any]]:
    """What each leaf adds to which output: with one value a leaf, to the tree's own."""
    leaf = np.flatnonzero(tree.left == LEAF)
    values = tree.values[leaf]
    width = values.shape[1]
    outputs = np.array([target]) if width == 1 else np.arange(width)
    return {
        "treeids": np.full(values.size, place),
        "nodeids": np.repeat(leaf, width),
        "ids": np.tile(outputs, len(leaf)),
        "weights": values.ravel(),
    }


def _figures(name: str, values: NDArray[Any]) -> dict[str, Any]:
    """Float32 as a list, float64 as a tensor: the node wants it so."""
    if values.dtype == np.float32:
        return {name: values.tolist()}
    return {f"{name}_as_tensor": numpy_helper.from_array(values, f"{name}_as_tensor")}
