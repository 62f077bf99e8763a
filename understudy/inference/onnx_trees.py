"""Fitted tree ensembles → nodes of an ONNX graph, exactly as scikit-learn evaluates them.

scikit-learn rounds what its own trees compare to float32 and leaves what boosted histogram trees
compare in float64. Converting either without that sends rows near a threshold down another branch.
"""

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray

_LEQ: Final = 0
LEAF: Final = -1


@dataclass(frozen=True, slots=True)
class Tree:
    """One binary tree as columns over its nodes; a row goes left when it is at most `threshold`."""

    left: NDArray[np.int64]
    """-1 at a leaf."""
    right: NDArray[np.int64]
    feature: NDArray[np.int64]
    threshold: NDArray[np.float64]
    missing_left: NDArray[np.bool_]
    values: NDArray[np.float64]
    """Nodes × targets."""


@dataclass(slots=True)
class Ensemble:
    """Trees whose values are summed; `target` says to which output a tree of one value adds."""

    trees: list[Tree] = field(default_factory=list)
    target: list[int] = field(default_factory=list)
    targets: int = 1

    def add(self, tree: Tree, target: int = 0) -> None:
        """One more tree."""
        self.trees.append(tree)
        self.target.append(target)


def of_tree(tree: Any, values: NDArray[np.float64]) -> Tree:
    """A fitted `sklearn.tree._tree.Tree` with the values that its nodes answer."""
    missing_left = np.asarray(tree.missing_go_to_left, dtype=bool)
    return Tree(
        left=np.asarray(tree.children_left, dtype=np.int64),
        right=np.asarray(tree.children_right, dtype=np.int64),
        feature=np.maximum(np.asarray(tree.feature, dtype=np.int64), 0),
        threshold=np.asarray(tree.threshold, dtype=np.float64),
        missing_left=missing_left,
        values=values.reshape(tree.node_count, -1),
    )


def forest(model: Any) -> Ensemble:
    """A decision tree or a forest of them; a forest answers the mean of its trees.

    Targets: of a binary classifier the second class's probability, else one for each class.
    """
    members = getattr(model, "estimators_", [model])
    found = Ensemble()
    for member in members:
        values = _leaf_values(member.tree_) / len(members)
        if hasattr(model, "classes_") and values.shape[1] == 2:
            values = values[:, 1:]
        found.add(of_tree(member.tree_, values))
        found.targets = values.shape[1]
    return found


def boosted(model: Any) -> Ensemble:
    """Gradient boosting: each tree adds its shrunken value to one raw score."""
    found = Ensemble(targets=model.estimators_.shape[1])
    for stage in model.estimators_:
        for target, member in enumerate(stage):
            values = member.tree_.value[:, 0, :] * model.learning_rate
            found.add(of_tree(member.tree_, values), target)
    return found


def _leaf_values(tree: Any) -> NDArray[np.float64]:
    """Nodes × classes as shares, or nodes × 1."""
    if tree.n_outputs != 1:
        raise NotImplementedError("trees with several outputs")
    return np.asarray(tree.value[:, 0, :], dtype=np.float64)


def attributes(ensemble: Ensemble, dtype: Any) -> dict[str, Any]:
    """Of a `TreeEnsemble` node (ai.onnx.ml 5) over inputs of `dtype`; one value a leaf."""
    splits, leaves = _Splits(), _Leaves()
    roots = [
        _append(tree, target, splits, leaves)
        for tree, target in zip(ensemble.trees, ensemble.target, strict=True)
    ]

    thresholds = rounded_down(np.concatenate(splits.thresholds), dtype)
    weights = np.concatenate(leaves.weights).astype(dtype)
    modes = np.full(len(thresholds), _LEQ, dtype=np.uint8)
    return {
        "aggregate_function": 1,
        "leaf_targetids": np.concatenate(leaves.targets).tolist(),
        "leaf_weights": onnx.numpy_helper.from_array(weights, "leaf_weights"),
        "n_targets": ensemble.targets,
        "nodes_falseleafs": np.concatenate(splits.false_leaf).tolist(),
        "nodes_falsenodeids": np.concatenate(splits.false).tolist(),
        "nodes_featureids": np.concatenate(splits.features).tolist(),
        "nodes_missing_value_tracks_true": np.concatenate(splits.missing).tolist(),
        "nodes_modes": onnx.numpy_helper.from_array(modes, "nodes_modes"),
        "nodes_splits": onnx.numpy_helper.from_array(thresholds, "nodes_splits"),
        "nodes_trueleafs": np.concatenate(splits.true_leaf).tolist(),
        "nodes_truenodeids": np.concatenate(splits.true).tolist(),
        "post_transform": 0,
        "tree_roots": roots,
    }


def rounded_down(thresholds: NDArray[np.float64], dtype: Any) -> NDArray[Any]:
    """The largest values of `dtype` not above: x ≤ t holds alike for each x of `dtype`."""
    found = thresholds.astype(dtype)
    above = found > thresholds
    found[above] = np.nextafter(found[above], np.array(-np.inf, dtype=dtype))
    return found


@dataclass(slots=True)
class _Splits:
    features: list[Any] = field(default_factory=list)
    thresholds: list[Any] = field(default_factory=list)
    missing: list[Any] = field(default_factory=list)
    true: list[Any] = field(default_factory=list)
    true_leaf: list[Any] = field(default_factory=list)
    false: list[Any] = field(default_factory=list)
    false_leaf: list[Any] = field(default_factory=list)
    count: int = 0


@dataclass(slots=True)
class _Leaves:
    weights: list[Any] = field(default_factory=list)
    targets: list[Any] = field(default_factory=list)
    count: int = 0


def _append(tree: Tree, target: int, splits: _Splits, leaves: _Leaves) -> int:
    """Number splits and leaves on from those before; the root's number is returned."""
    root, leaf = splits.count, tree.left == LEAF
    _append_leaves(tree.values[leaf, 0], target, leaves)
    if leaf[0]:
        _append_stump(splits, leaves.count - 1)
        return root
    number = np.where(leaf, np.cumsum(leaf) - 1 + leaves.count - leaf.sum(), 0)
    number = np.where(leaf, number, np.cumsum(~leaf) - 1 + root)
    inner = ~leaf
    left, right = tree.left[inner], tree.right[inner]
    splits.features.append(tree.feature[inner])
    splits.thresholds.append(tree.threshold[inner])
    splits.missing.append(tree.missing_left[inner].astype(np.int64))
    splits.true.append(number[left])
    splits.true_leaf.append(leaf[left].astype(np.int64))
    splits.false.append(number[right])
    splits.false_leaf.append(leaf[right].astype(np.int64))
    splits.count += int(inner.sum())
    return root


def _append_leaves(values: NDArray[np.float64], target: int, leaves: _Leaves) -> None:
    leaves.weights.append(values)
    leaves.targets.append(np.full(len(values), target, dtype=np.int64))
    leaves.count += len(values)


def _append_stump(splits: _Splits, leaf: int) -> None:
    """A tree of one leaf: a split whose both sides are that leaf."""
    one = np.array([1], dtype=np.int64)
    splits.features.append(one * 0)
    splits.thresholds.append(np.zeros(1))
    splits.missing.append(one)
    splits.true.append(one * leaf)
    splits.true_leaf.append(one)
    splits.false.append(one * leaf)
    splits.false_leaf.append(one)
    splits.count += 1
