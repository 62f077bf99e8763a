"""Fitted tree ensembles → nodes of an ONNX graph, exactly as scikit-learn evaluates them.

scikit-learn rounds what its own trees compare to float32 and leaves what boosted histogram trees
compare in float64. Converting either without that sends rows near a threshold down another branch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_LEQ: Final = 0
_LEAF: Final = -1


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
    import onnx  # noqa: PLC0415 - where models are compiled, not where they are asked

    splits, leaves = _Splits(), _Leaves()
    roots = [
        _append(tree, target, splits, leaves)
        for tree, target in zip(ensemble.trees, ensemble.target, strict=True)
    ]

    def tensor(name: str, values: Any, kind: Any) -> Any:
        return onnx.numpy_helper.from_array(np.concatenate(values).astype(kind), name)

    thresholds = np.concatenate(splits.thresholds)
    return {
        "aggregate_function": 1,
        "leaf_targetids": np.concatenate(leaves.targets).tolist(),
        "leaf_weights": tensor("leaf_weights", leaves.weights, dtype),
        "n_targets": ensemble.targets,
        "nodes_falseleafs": np.concatenate(splits.false_leaf).tolist(),
        "nodes_falsenodeids": np.concatenate(splits.false).tolist(),
        "nodes_featureids": np.concatenate(splits.features).tolist(),
        "nodes_missing_value_tracks_true": np.concatenate(splits.missing).tolist(),
        "nodes_modes": onnx.numpy_helper.from_array(
            np.full(len(thresholds), _LEQ, dtype=np.uint8), "nodes_modes"
        ),
        "nodes_splits": onnx.numpy_helper.from_array(
            rounded_down(thresholds, dtype), "nodes_splits"
        ),
        "nodes_trueleafs": np.concatenate(splits.true_leaf).tolist(),
        "nodes_truenodeids": np.concatenate(splits.true).tolist(),
        "post_transform": 0,
        "tree_roots": roots,
    }


def rounded_down(thresholds: NDArray[np.float64], dtype: Any) -> NDArray[Any]:
    """The largest values of `dtype` that are not above: x ≤ t holds alike for every x of `dtype`."""
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
    root, leaf = splits.count, tree.left == _LEAF
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


def by_target(ensemble: Ensemble) -> Ensemble:
    """The same with one value a leaf: a tree of several values becomes as many trees."""
    if all(tree.values.shape[1] == 1 for tree in ensemble.trees):
        return ensemble
    found = Ensemble(targets=ensemble.targets)
    for tree, target in _split(ensemble.trees):
        found.add(tree, target)
    return found


def _split(trees: Sequence[Tree]) -> Iterator[tuple[Tree, int]]:
    for tree in trees:
        for target in range(tree.values.shape[1]):
            values = tree.values[:, target : target + 1]
            yield (
                Tree(
                    tree.left, tree.right, tree.feature, tree.threshold, tree.missing_left, values
                ),
                target,
            )


@dataclass(frozen=True, slots=True)
class Sides:
    """Where categories go at splits by category: one output a split, 0 for left and 1 for right."""

    table: NDArray[np.float64]
    """All categories of all columns × splits, less `otherwise`."""
    otherwise: NDArray[np.float64]
    """Of missing and unseen ones."""


def histogram(model: Any) -> tuple[Ensemble, Sides | None]:
    """Histogram gradient boosting over its own input, followed by the columns of `Sides`."""
    collected = _Sides(model)
    found = Ensemble(targets=model.n_trees_per_iteration_)
    for stage in model._predictors:  # noqa: SLF001 - stated nowhere else
        for target, predictor in enumerate(stage):
            found.add(_of_predictor(predictor, collected), target)
    return found, collected.sides()


def _of_predictor(predictor: Any, collected: "_Sides") -> Tree:
    nodes = predictor.nodes
    leaf = nodes["is_leaf"].astype(bool)
    feature = collected.inputs[np.where(leaf, 0, nodes["feature_idx"])]
    threshold = np.where(leaf, 0.0, nodes["num_threshold"])
    for place in np.flatnonzero(~leaf & nodes["is_categorical"].astype(bool)):
        bits = predictor.raw_left_cat_bitsets[nodes["bitset_idx"][place]]
        feature[place] = collected.column(nodes[place], bits)
        threshold[place] = 0.5
    return Tree(
        left=np.where(leaf, _LEAF, nodes["left"].astype(np.int64)),
        right=np.where(leaf, _LEAF, nodes["right"].astype(np.int64)),
        feature=feature,
        threshold=threshold,
        missing_left=nodes["missing_go_to_left"].astype(bool),
        values=nodes["value"].astype(np.float64)[:, None],
    )


class _Sides:
    """Gathers the distinct splits by category."""

    def __init__(self, model: Any) -> None:
        categorical = getattr(model, "is_categorical_", None)
        width = model.n_features_in_
        chosen = np.zeros(width, dtype=bool) if categorical is None else categorical
        # Within, the categorical columns come first.
        self.inputs = np.concatenate([np.flatnonzero(chosen), np.flatnonzero(~chosen)])
        self._width = width
        self._sizes = _category_counts(model) if chosen.any() else []
        self._splits: dict[tuple[int, bytes, bool], int] = {}

    def column(self, node: Any, bits: NDArray[np.uint32]) -> int:
        """The input that says to which side a row goes."""
        key = int(node["feature_idx"]), bits.tobytes(), bool(node["missing_go_to_left"])
        return self._width + self._splits.setdefault(key, len(self._splits))

    def sides(self) -> Sides | None:
        """None without such splits."""
        if not self._splits:
            return None
        table = np.zeros((sum(self._sizes), len(self._splits)))
        otherwise = np.array([0.0 if left else 1.0 for _, _, left in self._splits])
        begins = np.concatenate([[0], np.cumsum(self._sizes)]).astype(int)
        for place, (column, bits, _) in enumerate(self._splits):
            own = slice(begins[column], begins[column + 1])
            goes_left = _members(np.frombuffer(bits, dtype=np.uint32), self._sizes[column])
            table[own, place] = np.where(goes_left, 0.0, 1.0) - otherwise[place]
        return Sides(table, otherwise)


def _category_counts(model: Any) -> list[int]:
    encoder = model._preprocessor.named_transformers_["encoder"]  # noqa: SLF001 - its own encoder
    return [len(values) for values in encoder.categories_]


def _members(bits: NDArray[np.uint32], count: int) -> NDArray[np.bool_]:
    codes = np.arange(count)
    found = (bits[codes // 32] >> (codes % 32).astype(np.uint32)) & 1
    return np.asarray(found, dtype=bool)
