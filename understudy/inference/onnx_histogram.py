"""Histogram gradient boosting → trees that compare numbers alone.

A split by category becomes one more input: 0 for what goes left, 1 for what goes right.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.inference.onnx_trees import LEAF, Ensemble, Tree


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
        left=np.where(leaf, LEAF, nodes["left"].astype(np.int64)),
        right=np.where(leaf, LEAF, nodes["right"].astype(np.int64)),
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
        self._missing = _missing_categories(model) if chosen.any() else []
        self._sizes = [len(missing) for missing in self._missing]
        self._splits: dict[tuple[int, bytes, bool], int] = {}

    def column(self, node: Any, bits: NDArray[np.uint32]) -> int:
        """The input that says to which side a row goes."""
        key = int(node["feature_idx"]), bits.tobytes(), bool(node["missing_go_to_left"])
        place = self._splits.setdefault(key, len(self._splits))
        return int(self._width) + place

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
            # Where training rows missed the category, that is among the encoder's categories.
            known = ~self._missing[column]
            table[own, place] = known * (np.where(goes_left, 0.0, 1.0) - otherwise[place])
        return Sides(table, otherwise)


def _missing_categories(model: Any) -> list[NDArray[np.bool_]]:
    """Of each categorical column: which of its categories stands for a missing value."""
    encoder = model._preprocessor.named_transformers_["encoder"]  # noqa: SLF001 - its own encoder
    return [np.isnan(np.asarray(values, dtype=np.float64)) for values in encoder.categories_]


def _members(bits: NDArray[np.uint32], count: int) -> NDArray[np.bool_]:
    codes = np.arange(count)
    found = (bits[codes // 32] >> (codes % 32).astype(np.uint32)) & 1
    return np.asarray(found, dtype=bool)
