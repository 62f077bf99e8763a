"""A fitted scikit-learn estimator and its tables → a signature."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pandas as pd
from sklearn.base import is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, Label, Task
from understudy.importing import ranges
from understudy.importing.errors import ImportingError
from understudy.importing.kinds import kind_of
from understudy.importing.probing import Probe, rows_of
from understudy.importing.tables import Sample

_MOST_CHOICES: Final = 1_000
"""Where a model takes any value, more are not worth a list."""


def require_fitted(model: Any) -> None:
    """Raises ImportingError for anything but a fitted classifier or regressor."""
    if not hasattr(model, "fit") or not hasattr(model, "predict"):
        kind = type(model).__name__
        raise ImportingError("pipeline", f"{kind} is no estimator with 'fit' and 'predict'")
    try:
        check_is_fitted(model)
    except NotFittedError as error:
        raise ImportingError("pipeline", "it is not fitted; call fit(X_train, y_train)") from error
    if not (is_classifier(model) or is_regressor(model)):
        raise ImportingError(
            "pipeline", f"{type(model).__name__} is neither a classifier nor a regressor"
        )


def signature_of(
    model: Any, sample: Sample, *, classes: Sequence[Label] | None = None, answers: Any = None
) -> Signature:
    """What the model takes and answers. It is asked, so hand over one that nobody else uses.

    `answers`: what the original answered to the sample's first rows, which this one must answer
    too. Raises ImportingError.
    """
    target = _target(model, sample, classes)
    columns = sample.features
    kinds = {str(name): kind_of(columns[name], "X_train") for name in columns}
    # Every category is open until the model was asked.
    features = tuple(_untried(name, kind) for name, kind in kinds.items())
    signature = _signature(features, target)
    probe = Probe(model, signature, columns)
    if answers is not None:
        probe.require_same(answers)
    nulls, unseen = probe.taking_nulls(), probe.taking_unseen()
    missing = {str(name) for name in columns if columns[name].isna().any()}
    known = known_categories(model)
    rows = rows_of(columns, signature)
    numbers = iter(rows.numbers.T)
    found = list[Feature]()
    for feature in features:
        nullable = feature.name in nulls or feature.name in missing
        one = replace(feature, nullable=nullable)
        if one.numeric:
            one = ranges.proposed(one, next(numbers))
        else:
            choices = _choices(columns[one.name], known.get(one.name, ()))
            one = _chosen(one, choices, takes_unseen=one.name in unseen)
        found.append(replace(one, example=_example(one, columns[one.name])))
    return _signature(tuple(found), target)


def known_categories(model: Any) -> Mapping[str, tuple[str, ...]]:
    """By column: the texts that an encoder within the model was fitted with."""
    return dict(_encoded(model, getattr(model, "feature_names_in_", None)))


def _encoded(model: Any, names: Any) -> Iterator[tuple[str, tuple[str, ...]]]:
    """`names`: of the columns that it is given, where they are known."""
    names = getattr(model, "feature_names_in_", names)
    if hasattr(model, "categories_") and names is not None:
        for name, values in zip(names, model.categories_, strict=False):
            yield str(name), tuple(value for value in values if isinstance(value, str))
    for _, step in getattr(model, "steps", ()):
        yield from _encoded(step, names)
        names = names if _keeps_columns(step) else None
    for _, part, chosen in getattr(model, "transformers_", ()):
        if isinstance(chosen, list) and all(isinstance(name, str) for name in chosen):
            yield from _encoded(part, chosen)


def _keeps_columns(step: Any) -> bool:
    return step == "passthrough" or type(step).__name__ == "SimpleImputer"


def _untried(name: str, kind: FeatureKind) -> Feature:
    try:
        return Feature(name, kind, open_choices=kind is FeatureKind.CATEGORY)
    except ValueError as error:
        raise ImportingError("X_train", str(error)) from error


def _signature(features: tuple[Feature, ...], target: Target) -> Signature:
    try:
        return Signature(features, target)
    except ValueError as error:
        raise ImportingError("X_train", str(error)) from error


def _target(model: Any, sample: Sample, classes: Sequence[Label] | None) -> Target:
    name = str(sample.target.name)
    if is_regressor(model):
        if classes is not None:
            raise ImportingError("classes", "the model is a regressor, which has none")
        if not pd.api.types.is_numeric_dtype(sample.target):
            raise ImportingError("y_train", "the model is a regressor; give numbers")
        return Target(name, Task.REGRESSION)
    fitted = np.asarray(model.classes_).tolist()
    if not all(isinstance(one, bool | int | float | str) for one in fitted):
        raise ImportingError("pipeline", "it was fitted with more than one target; fit it with one")
    ordered = [*fitted] if classes is None else [*classes]
    if {*ordered} != {*fitted} or len(ordered) != len(fitted):
        raise ImportingError(
            "classes", f"the model was fitted with {fitted}; give each of them once"
        )
    if foreign := [one for one in sample.target.unique().tolist() if one not in {*fitted}]:
        raise ImportingError("y_train", f"{foreign[0]!r} is none of the model's classes {fitted}")
    try:
        return Target(name, Task.CLASSIFICATION, classes=tuple(ordered))
    except ValueError as error:
        raise ImportingError("y_train", f"{error}; the model was fitted with {fitted}") from error


def _choices(column: "pd.Series[Any]", known: Sequence[str]) -> tuple[str, ...]:
    seen = {str(value) for value in column.dropna().unique()}
    if isinstance(column.dtype, pd.CategoricalDtype):
        seen |= {str(value) for value in column.cat.categories}
    return tuple(sorted(seen | {*known}))


def _chosen(feature: Feature, choices: tuple[str, ...], *, takes_unseen: bool) -> Feature:
    if takes_unseen:
        kept = choices if len(choices) <= _MOST_CHOICES else ()
        return replace(feature, choices=kept, open_choices=True)
    if not choices:
        raise ImportingError("X_train", f"column '{feature.name}' is empty; drop it")
    return replace(feature, choices=choices, open_choices=False)


def _example(feature: Feature, column: "pd.Series[Any]") -> Label | None:
    """What is most common, or in the middle: it stands in forms."""
    values = column.dropna()
    if not len(values):
        return None
    if feature.kind is FeatureKind.CATEGORY:
        return str(values.mode().iloc[0])
    if feature.kind is FeatureKind.BOOLEAN:
        return bool(values.mode().iloc[0])
    numbers = pd.to_numeric(values).to_numpy(dtype=np.float64)
    middle = float(np.quantile(numbers, 0.5, method="lower"))
    if not np.isfinite(middle):
        return None
    return int(middle) if feature.kind is FeatureKind.INTEGER else middle
