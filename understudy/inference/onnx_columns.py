"""Imputers and encoders over columns of numbers and codes → nodes of an ONNX graph.

Each category's columns are compared with all of its known values at once; what an encoder answers
is then linear in the matches: matches · table + what it answers for values that match none.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.inference.numeric_twin import NotConvertibleError
from understudy.inference.onnx_nodes import Nodes, shape


def imputer_shape(operator: Any) -> None:
    """Of a SimpleImputer, with its indicators."""
    model = operator.raw_operator
    flags = len(model.indicator_.features_) if model.add_indicator else 0
    shape(operator, int(_kept(model).sum()) + flags)


def imputer(scope: Any, operator: Any, container: Any) -> None:
    """A SimpleImputer whose missing value is NaN."""
    nodes = Nodes(scope, operator, container)
    model, rows = nodes.model, nodes.rows()
    if not (isinstance(model.missing_values, float) and np.isnan(model.missing_values)):
        raise NotConvertibleError(f"an imputer of {model.missing_values!r}")
    missing = nodes.add("IsNaN", [rows])
    # Kept though all of it was missing: scikit-learn fills in 0.
    fill = np.nan_to_num(model.statistics_, nan=0.0)
    found = nodes.add("Where", [missing, nodes.constant(fill), rows])
    kept = np.flatnonzero(_kept(model))
    if len(kept) < len(model.statistics_):
        found = nodes.columns(found, kept)
    if model.add_indicator and len(model.indicator_.features_):
        flags = nodes.columns(nodes.cast(missing), np.asarray(model.indicator_.features_))
        found = nodes.add("Concat", [found, flags], axis=1)
    nodes.answer(found)


def one_hot_shape(operator: Any) -> None:
    """Of a OneHotEncoder."""
    shape(operator, int(sum(operator.raw_operator._n_features_outs)))  # noqa: SLF001 - stated nowhere else


def one_hot(scope: Any, operator: Any, container: Any) -> None:
    """A OneHotEncoder, with dropped and grouped categories."""
    nodes = Nodes(scope, operator, container)
    model = nodes.model
    table, unseen = _one_hot_table(model)
    found = matches(nodes, nodes.rows(), model.categories_)
    if not np.array_equal(table, np.eye(len(table))):
        found = nodes.add("MatMul", [found, nodes.constant(table)])
    nodes.answer(nodes.add("Add", [found, nodes.constant(unseen)]) if unseen.any() else found)


def ordinal_shape(operator: Any) -> None:
    """Of an OrdinalEncoder."""
    shape(operator, len(operator.raw_operator.categories_))


def ordinal(scope: Any, operator: Any, container: Any) -> None:
    """An OrdinalEncoder."""
    nodes = Nodes(scope, operator, container)
    nodes.answer(ordinals(nodes, nodes.rows(), nodes.model))


def ordinals(nodes: Nodes, rows: str, model: Any) -> str:
    """N × encoded columns."""
    table, sizes = _ordinal_table(model), [len(values) for values in model.categories_]
    known = ~np.isnan(table)
    owners = np.repeat(np.arange(len(sizes)), sizes)
    place = owners[:, None] == np.arange(len(sizes))
    found = matches(nodes, rows, model.categories_)
    value = nodes.add(
        "MatMul", [found, nodes.constant(place * np.where(known, table, 0.0)[:, None])]
    )
    count = nodes.add("MatMul", [found, nodes.constant(place * known[:, None].astype(np.float64))])
    unseen = model.unknown_value if model.handle_unknown == "use_encoded_value" else 0.0
    if not known.all() and not np.isnan(unseen):
        raise NotConvertibleError("an encoder that keeps missing values and renames unseen ones")
    seen = nodes.add("Greater", [count, nodes.constant(np.array([0.5]))])
    return nodes.add("Where", [seen, value, nodes.constant(np.array([float(unseen)]))])


def matches(nodes: Nodes, rows: str, categories: list[NDArray[Any]]) -> str:
    """N × all categories of all columns: 1 where a row has that category, else 0."""
    known = np.concatenate([np.asarray(values, dtype=np.float64) for values in categories])
    places = np.repeat(np.arange(len(categories)), [len(values) for values in categories])
    if np.isnan(known).any():
        # No category is below the code that a None has been given.
        stand_in = float(np.nanmin(np.append(known, 0.0))) - 3.0
        missing = nodes.add("IsNaN", [rows])
        rows = nodes.add("Where", [missing, nodes.constant(np.array([stand_in])), rows])
        known = np.where(np.isnan(known), stand_in, known)
    same = nodes.add("Equal", [nodes.columns(rows, places), nodes.constant(known)])
    return nodes.cast(same)


def _one_hot_table(model: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """All categories × outputs, less what an unseen value answers; and that answer."""
    blocks, unseen = [], []
    for column in range(len(model.categories_)):
        block, other = _one_hot_block(model, column)
        dropped = model._drop_idx_after_grouping  # noqa: SLF001 - the public one is before grouping
        if dropped is not None and dropped[column] is not None:
            block, other = (np.delete(part, dropped[column], axis=-1) for part in (block, other))
        blocks.append(block - other)
        unseen.append(other)
    rows, width = sum(len(block) for block in blocks), sum(block.shape[1] for block in blocks)
    table, row, place = np.zeros((rows, width)), 0, 0
    for block in blocks:
        table[row : row + len(block), place : place + block.shape[1]] = block
        row, place = row + len(block), place + block.shape[1]
    return table, np.concatenate(unseen)


def _one_hot_block(model: Any, column: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    count = len(model.categories_[column])
    grouped = None
    if model._infrequent_enabled:  # noqa: SLF001 - stated nowhere else
        grouped = model._default_to_infrequent_mappings[column]  # noqa: SLF001
    places = np.arange(count) if grouped is None else np.asarray(grouped)
    block = (places[:, None] == np.arange(places.max() + 1)).astype(np.float64)
    other = np.zeros(block.shape[1])
    if grouped is not None and model.handle_unknown in {"infrequent_if_exist", "warn"}:
        other[-1] = 1.0
    return block, other


def _ordinal_table(model: Any) -> NDArray[np.float64]:
    """Of each category of each column, one after another: its ordinal, or NaN."""
    if getattr(model, "_infrequent_enabled", False):
        raise NotConvertibleError("an ordinal encoder that groups categories")
    parts = []
    for values in model.categories_:
        ordinal = np.arange(len(values), dtype=np.float64)
        is_missing = np.array([isinstance(value, float) and np.isnan(value) for value in values])
        parts.append(np.where(is_missing, float(model.encoded_missing_value), ordinal))
    return np.concatenate(parts)


def _kept(model: Any) -> NDArray[np.bool_]:
    kept: NDArray[np.bool_] = ~np.isnan(model.statistics_)
    return kept | bool(model.keep_empty_features)
