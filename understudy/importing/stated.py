"""What MLflow's signature says, and a sample besides → a signature.

What MLflow's leaves open is read off the sample: which column is the target, its classes, a
category's choices, where values are missing.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, Task
from understudy.importing.columns import Column, columns_of
from understudy.importing.errors import UnclearError
from understudy.importing.mlmodel import Stated

_KINDS: Final[Mapping[str, FeatureKind]] = {
    "boolean": FeatureKind.BOOLEAN,
    "integer": FeatureKind.INTEGER,
    "long": FeatureKind.INTEGER,
    "float": FeatureKind.NUMBER,
    "double": FeatureKind.NUMBER,
    "string": FeatureKind.CATEGORY,
}


@dataclass(frozen=True, slots=True)
class Hints:
    """What the files leave open, as somebody said it."""

    target: str | None = None
    aside: Collection[str] = ()
    """Columns that are neither features nor the target."""
    legal_ranges: bool = False
    """Whether what the sample spans is all that is legal."""
    target_option: str = "--target"
    """How to say which column is the target, named when it is unclear."""


def signature_of(file: Any, stated: Stated, hints: Hints) -> Signature:
    """`file`: an open `ParquetFile`. Raises UnclearError, ValueError, and what pyarrow raises."""
    features = [_feature(one) for one in stated.inputs]
    columns = list(file.schema_arrow.names)
    names = [feature.name for feature in features]
    if absent := [name for name in names if name not in columns]:
        raise UnclearError(f"the reference sample has no column '{absent[0]}'")
    target = target_of(columns, names, hints)
    found = columns_of(file, [*names, target])
    return Signature(
        tuple(_seen(feature, found[feature.name], hints) for feature in features),
        _target(target, found[target], stated.outputs),
    )


def target_of(columns: Sequence[str], names: Collection[str], hints: Hints) -> str:
    """The column that is neither an input nor beside. Raises UnclearError."""
    if hints.target is not None:
        if hints.target not in columns:
            raise UnclearError(f"the reference sample has no column '{hints.target}'")
        return hints.target
    others = [name for name in columns if name not in {*names, *hints.aside}]
    others = [name for name in others if not name.startswith("__index_level_")]
    if len(others) == 1:
        return others[0]
    raise UnclearError(
        f"which column of the reference sample is the target? {len(others)} of them are no "
        f"inputs; say it with {hints.target_option}"
    )


def _feature(stated: Mapping[str, Any]) -> Feature:
    name, kind = stated.get("name"), _KINDS.get(str(stated.get("type")))
    if not isinstance(name, str):
        raise UnclearError("MLmodel's inputs have no names: infer the signature from a data frame")
    if kind is None:
        raise UnclearError(f"input '{name}' is {stated.get('type')!r}, which no feature can be")
    nullable, free = stated.get("required") is False, kind is FeatureKind.CATEGORY
    return Feature(name, kind, nullable=nullable, open_choices=free)


def _seen(feature: Feature, column: Column, hints: Hints) -> Feature:
    feature = replace(feature, nullable=feature.nullable or column.missing)
    if feature.kind is FeatureKind.CATEGORY:
        choices = tuple(str(value) for value in column.values or ())
        return replace(feature, choices=choices, open_choices=False) if choices else feature
    if hints.legal_ranges and feature.kind is not FeatureKind.BOOLEAN:
        return replace(feature, minimum=column.least, maximum=column.most)
    return feature


def _target(name: str, column: Column, outputs: Sequence[Any]) -> Target:
    if _is_regression(outputs, column):
        return Target(name, Task.REGRESSION)
    if column.values is None:
        raise UnclearError(f"the target '{name}' has too many values to be classes")
    return Target(name, Task.CLASSIFICATION, classes=column.values)


def _is_regression(outputs: Sequence[Any], column: Column) -> bool:
    """By what the model answers: classifiers answer texts, booleans or whole numbers."""
    if not outputs:
        return column.values is None or any(isinstance(value, float) for value in column.values)
    first = outputs[0]
    spec = first.get("tensor-spec")
    kind = str(spec.get("dtype") if isinstance(spec, dict) else first.get("type"))
    return kind.startswith(("float", "double"))
