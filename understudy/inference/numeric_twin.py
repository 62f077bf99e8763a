"""A copy of a fitted model that takes one matrix of numbers: columns by place, categories by code.

What is converted is the copy, so a converter never meets names, strings or class labels.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.contracts.signature import Signature
from understudy.inference.coding import UNSEEN, Book, Coding


class NotConvertibleError(Exception):
    """The model holds something that has no numeric twin."""


@dataclass(slots=True)
class Codes:
    """The codes that a category's values have been given so far."""

    values: dict[str, int] = field(default_factory=dict)

    def of(self, value: Any) -> float:
        """The code; NaN for NaN. A None never reaches a model: it is served as NaN."""
        if value is None:
            return UNSEEN - 1.0
        if isinstance(value, float) and np.isnan(value):
            return float("nan")
        return float(self.values.setdefault(str(value), len(self.values)))


@dataclass(frozen=True, slots=True)
class Column:
    """Where a column inside a model comes from: a feature's value · `scale` + `shift`."""

    name: str
    codes: Codes | None = None
    scale: float = 1.0
    shift: float = 0.0


@dataclass(frozen=True, slots=True)
class Twin:
    """The copy, what its columns are, and where its trees split."""

    model: Any
    coding: Coding
    thresholds: dict[str, NDArray[np.float64]]
    """By feature, in its own unit."""
    known: dict[str, tuple[str, ...]]
    """The values that encoders were fitted with, by category."""


Columns = list[Column | None]


def numeric_twin(model: Any, signature: Signature) -> Twin:
    """NotConvertibleError for a model that reads text in a way unknown here."""
    twin = copy.deepcopy(model)
    names = [str(name) for name in getattr(model, "feature_names_in_", signature.names)]
    codes = {feature.name: Codes() for feature in signature.features if not feature.numeric}
    walk = _Walk()
    walk.through(twin, [Column(name, codes.get(name)) for name in names])
    _number_classes(twin, signature, set())
    coding = Coding(
        features=signature.names,
        columns=tuple(names.index(f.name) for f in signature.features if f.numeric),
        books=tuple(Book(names.index(name), tuple(found.values)) for name, found in codes.items()),
    )
    found = {name: np.unique(np.concatenate(parts)) for name, parts in walk.thresholds.items()}
    return Twin(twin, coding, found, {name: tuple(c.values) for name, c in codes.items()})


class _Walk:
    """Goes through a model as rows do, rewriting what it meets."""

    def __init__(self) -> None:
        self.thresholds: dict[str, list[NDArray[np.float64]]] = {}

    def through(self, model: Any, columns: Columns) -> Columns:
        """Rewrite `model`; the columns that it hands on are returned, None for what is new."""
        if model is None or isinstance(model, str):
            return columns
        step = getattr(self, f"_{type(model).__name__}", None)
        if step is not None:
            return list(step(model, columns))
        if hasattr(model, "tree_") or hasattr(model, "_predictors"):
            return self._trees(model, columns)
        return self._other(model, columns)

    def _Pipeline(self, model: Any, columns: Columns) -> Columns:  # noqa: N802 - a class's name
        for _, step in model.steps:
            columns = self.through(step, columns)
        return columns

    def _ColumnTransformer(self, model: Any, columns: Columns) -> Columns:  # noqa: N802
        resolved, found = [], Columns()
        places = model._transformer_to_input_indices  # noqa: SLF001 - names, masks, slices resolved
        for name, step, _ in model.transformers_:
            chosen = [int(place) for place in places[name]]
            resolved.append((name, step, chosen))
            if chosen and not (isinstance(step, str) and step == "drop"):
                found += self.through(step, [columns[place] for place in chosen])
        model.transformers_ = resolved
        return found

    def _FunctionTransformer(self, model: Any, columns: Columns) -> Columns:  # noqa: N802
        return columns if model.func is None else self._other(model, columns)

    def _StandardScaler(self, model: Any, columns: Columns) -> Columns:  # noqa: N802
        self._other(model, columns)
        means = np.zeros(len(columns)) if model.mean_ is None else model.mean_
        scales = np.ones(len(columns)) if model.scale_ is None else model.scale_
        return [
            column and Column(column.name, None, column.scale / s, (column.shift - m) / s)
            for column, m, s in zip(columns, means, scales, strict=True)
        ]

    def _SimpleImputer(self, model: Any, columns: Columns) -> Columns:  # noqa: N802
        if any(column and column.codes for column in columns):
            model.statistics_ = _recoded(model.statistics_, columns)
            model.missing_values = np.nan
        kept = [not _is_nan(value) or model.keep_empty_features for value in model.statistics_]
        model.statistics_ = np.asarray(model.statistics_, dtype=np.float64)
        found: Columns = [column for column, keep in zip(columns, kept, strict=True) if keep]
        return found + ([None] * len(model.indicator_.features_) if model.add_indicator else [])

    def _OneHotEncoder(self, model: Any, columns: Columns) -> Columns:  # noqa: N802
        known = zip(model.categories_, columns, strict=True)
        model.categories_ = [_recoded(values, [column] * len(values)) for values, column in known]
        return [None] * int(sum(model._n_features_outs))  # noqa: SLF001 - less than categories

    def _OrdinalEncoder(self, model: Any, columns: Columns) -> Columns:  # noqa: N802
        known = zip(model.categories_, columns, strict=True)
        model.categories_ = [_recoded(values, [column] * len(values)) for values, column in known]
        return [None] * len(columns)

    def _VotingClassifier(self, model: Any, columns: Columns) -> Columns:  # noqa: N802
        model.flatten_transform = False  # concerns `transform` alone, which nobody asks
        for member in model.estimators_:
            self.through(member, columns)
        return []

    _VotingRegressor = _VotingClassifier

    def _StackingClassifier(self, model: Any, columns: Columns) -> Columns:  # noqa: N802
        self._VotingClassifier(model, columns)
        answers: Columns = [None] * model.final_estimator_.n_features_in_
        self.through(model.final_estimator_, answers)
        return []

    _StackingRegressor = _StackingClassifier

    def _CalibratedClassifierCV(self, model: Any, columns: Columns) -> Columns:  # noqa: N802
        for member in model.calibrated_classifiers_:
            self.through(member.estimator, columns)
        return []

    def _GridSearchCV(self, model: Any, columns: Columns) -> Columns:  # noqa: N802
        return self.through(model.best_estimator_, columns)

    _RandomizedSearchCV = _GridSearchCV

    def _trees(self, model: Any, columns: Columns) -> Columns:
        preprocessor = getattr(model, "_preprocessor", None)
        if preprocessor is not None:
            self.through(preprocessor, columns)
            chosen = model.is_categorical_  # which come first within
            order = [*np.flatnonzero(chosen), *np.flatnonzero(~chosen)]
            columns = [columns[place] for place in order]
        else:
            self._other(model, columns)
        for feature, thresholds in _splits(model):
            column = columns[feature]
            if column is not None:
                own = (thresholds - column.shift) / column.scale
                self.thresholds.setdefault(column.name, []).append(own)
        return []

    def _other(self, model: Any, columns: Columns) -> Columns:
        if any(column and column.codes for column in columns):
            raise NotConvertibleError(f"{type(model).__name__} takes categories as text")
        for member in np.ravel(getattr(model, "estimators_", [])):
            if hasattr(member, "tree_"):
                self._trees(member, columns)
        return [None] * _width(model, columns)


def _width(model: Any, columns: Columns) -> int:
    try:
        return len(model.get_feature_names_out())
    except Exception:  # noqa: BLE001 - a final step has none; a foreign one may do anything
        return len(columns)


def _splits(model: Any) -> list[tuple[int, NDArray[np.float64]]]:
    if hasattr(model, "tree_"):
        inner = model.tree_.children_left >= 0
        features, thresholds = model.tree_.feature[inner], model.tree_.threshold[inner]
    else:
        nodes = [tree.nodes for stage in model._predictors for tree in stage]  # noqa: SLF001
        all_nodes = np.concatenate(nodes)
        plain = all_nodes[(all_nodes["is_leaf"] == 0) & (all_nodes["is_categorical"] == 0)]
        features, thresholds = plain["feature_idx"], plain["num_threshold"]
    return [(int(f), np.unique(thresholds[features == f])) for f in np.unique(features)]


def _recoded(values: Any, columns: Sequence[Column | None]) -> NDArray[Any]:
    return np.array(
        [
            column.codes.of(value) if column and column.codes else value
            for value, column in zip(values, columns, strict=True)
        ]
    )


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and bool(np.isnan(value))


def _number_classes(part: Any, signature: Signature, seen: set[int]) -> None:
    """Replace class labels by their place in the model's order, in the model and its parts."""
    if id(part) in seen:
        return
    seen.add(id(part))
    if isinstance(part, list | tuple):
        members: Sequence[Any] = part
    elif isinstance(part, dict):
        members = [*part.values()]
    elif isinstance(part, np.ndarray) and part.dtype == object:
        members = [*part.flat]
    elif hasattr(part, "__dict__") and type(part).__module__.split(".")[0] == "sklearn":
        members = [*vars(part).values()]
        _number_own(part, signature)
    else:
        return
    for member in members:
        _number_classes(member, signature, seen)


def _number_own(part: Any, signature: Signature) -> None:
    classes = vars(part).get("classes_")
    if not isinstance(classes, np.ndarray) or classes.ndim != 1:
        return
    if set(classes.tolist()) == set(signature.target.classes):
        part.classes_ = np.arange(len(classes))
