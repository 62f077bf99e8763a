"""The child that infers a signature: an `MLmodel` file and a sample in, a signature or why not out.

What MLflow's signature leaves open is read off the reference sample: which column is the target,
its classes, a category's choices, where values are missing.
"""

import json
import resource
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from pydantic import BaseModel

from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, Label, Task

_KINDS: Final[Mapping[str, FeatureKind]] = {
    "boolean": FeatureKind.BOOLEAN,
    "integer": FeatureKind.INTEGER,
    "long": FeatureKind.INTEGER,
    "float": FeatureKind.NUMBER,
    "double": FeatureKind.NUMBER,
    "string": FeatureKind.CATEGORY,
}
_MOST_CHOICES: Final = 1_000
_MOST_CLASSES: Final = 1_000


class InferenceTask(BaseModel):
    """What the child is told."""

    mlmodel: str
    reference: str
    """A path."""
    target: str | None
    time_column: str | None
    legal_ranges: bool
    cpu_seconds: int
    memory_bytes: int


class Inferred(BaseModel):
    """What it found: a signature, or why there is none."""

    signature: Signature | None = None
    problem: str | None = None


class UnclearError(Exception):
    """No signature follows from the files; the text says why, and what would help."""


@dataclass(frozen=True, slots=True)
class Column:
    """What a sample's column holds."""

    missing: bool
    least: float | None
    most: float | None
    values: tuple[Label, ...] | None
    """Sorted; None when there are too many."""


def main() -> None:
    """Limit this process, look, say what was found."""
    task = InferenceTask.model_validate_json(sys.stdin.buffer.read())
    resource.setrlimit(resource.RLIMIT_AS, (task.memory_bytes, task.memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (task.cpu_seconds, task.cpu_seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.alarm(2 * task.cpu_seconds)
    sys.stdout.write(inferred(task).model_dump_json() + "\n")
    sys.stdout.flush()


def inferred(task: InferenceTask) -> Inferred:
    """The signature, or what is unclear."""
    import pyarrow as pa  # noqa: PLC0415 - only within the limits
    from pyarrow import parquet  # noqa: PLC0415

    try:
        inputs, outputs = _mlflow_signature(task.mlmodel)
        with parquet.ParquetFile(task.reference) as file:
            return Inferred(signature=_signature(task, file, inputs, outputs))
    except UnclearError as unclear:
        return Inferred(problem=str(unclear))
    except (pa.ArrowException, OSError) as error:
        said = str(error).splitlines()[0][:200]
        return Inferred(problem=f"the reference sample can't be read as Parquet: {said}")
    except ValueError as error:
        # A signature's own words.
        return Inferred(problem=str(error).splitlines()[0][:300])


def _mlflow_signature(mlmodel: str) -> tuple[list[Any], list[Any]]:
    import yaml  # noqa: PLC0415

    try:
        told = yaml.safe_load(mlmodel)
    except yaml.YAMLError as error:
        raise UnclearError("MLmodel is not YAML") from error
    stated = told.get("signature") if isinstance(told, dict) else None
    if not isinstance(stated, dict) or not stated.get("inputs"):
        raise UnclearError(
            "MLmodel holds no signature: save the model with signature=infer_signature(…), or put "
            "a signature.json beside it"
        )
    return _columns(stated["inputs"]), _columns(stated.get("outputs") or "[]")


def _columns(text: Any) -> list[Any]:
    try:
        found = json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError) as error:
        raise UnclearError("MLmodel's signature is not JSON") from error
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise UnclearError("MLmodel's signature is no list of columns")
    return found


def _signature(
    task: InferenceTask, file: Any, inputs: Sequence[Any], outputs: Sequence[Any]
) -> Signature:
    features = [_feature(one) for one in inputs]
    columns = list(file.schema_arrow.names)
    names = [feature.name for feature in features]
    if absent := [name for name in names if name not in columns]:
        raise UnclearError(f"the reference sample has no column '{absent[0]}'")
    target = _target_name(task, columns, names)
    wanted = [*names, target]
    looked = {name: _Looked() for name in wanted}
    for batch in file.iter_batches(columns=wanted):
        for name in wanted:
            looked[name].look(batch[name])
    found = {name: one.column() for name, one in looked.items()}
    return Signature(
        tuple(_seen(feature, found[feature.name], task) for feature in features),
        _target(target, found[target], outputs),
    )


def _feature(stated: Any) -> Feature:
    name, kind = stated.get("name"), _KINDS.get(str(stated.get("type")))
    if not isinstance(name, str):
        raise UnclearError("MLmodel's inputs have no names: infer the signature from a data frame")
    if kind is None:
        raise UnclearError(f"input '{name}' is {stated.get('type')!r}, which no feature can be")
    return Feature(name, kind, nullable=stated.get("required") is False, open_choices=_open(kind))


def _open(kind: FeatureKind) -> bool:
    return kind is FeatureKind.CATEGORY


def _target_name(task: InferenceTask, columns: Sequence[str], names: Sequence[str]) -> str:
    if task.target is not None:
        if task.target not in columns:
            raise UnclearError(f"the reference sample has no column '{task.target}'")
        return task.target
    others = [name for name in columns if name not in {*names, task.time_column}]
    others = [name for name in others if not name.startswith("__index_level_")]
    if len(others) == 1:
        return others[0]
    raise UnclearError(
        f"which column of the reference sample is the target? {len(others)} of them are no "
        "inputs; say it with the version's tag 'understudy.target'"
    )


def _seen(feature: Feature, column: Column, task: InferenceTask) -> Feature:
    feature = replace(feature, nullable=feature.nullable or column.missing)
    if feature.kind is FeatureKind.CATEGORY:
        choices = tuple(str(value) for value in column.values or ())
        return replace(feature, choices=choices, open_choices=False) if choices else feature
    if task.legal_ranges and feature.kind is not FeatureKind.BOOLEAN:
        return replace(feature, minimum=column.least, maximum=column.most)
    return feature


def _target(name: str, column: Column, outputs: Sequence[Any]) -> Target:
    if _is_regression(outputs, column):
        return Target(name, Task.REGRESSION)
    if column.values is None or len(column.values) > _MOST_CLASSES:
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


class _Looked:
    """A column, a batch at a time."""

    def __init__(self) -> None:
        self._missing = False
        self._least: float | None = None
        self._most: float | None = None
        self._values: set[Label] | None = set()

    def look(self, values: Any) -> None:
        from pyarrow import compute, types  # noqa: PLC0415

        self._missing = (
            self._missing or compute.any(compute.is_null(values, nan_is_null=True)).as_py()
        )
        kind = values.type
        if types.is_integer(kind) or types.is_floating(kind):
            self._stretch(compute.min_max(compute.drop_null(values)))
        if self._values is None or types.is_nested(kind):
            self._values = None
            return
        for value in compute.unique(values).to_pylist():
            if isinstance(value, bool | int | float | str) and value == value:  # noqa: PLR0124 - NaN
                self._values.add(value)
        if len(self._values) > _MOST_CHOICES:
            self._values = None

    def column(self) -> Column:
        values = None if self._values is None else tuple(sorted(self._values, key=_place))
        return Column(self._missing, self._least, self._most, values)

    def _stretch(self, found: Any) -> None:
        least, most = found["min"].as_py(), found["max"].as_py()
        if least is None or least != least:  # noqa: PLR0124 - NaN
            return
        self._least = float(least if self._least is None else min(self._least, least))
        self._most = float(most if self._most is None else max(self._most, most))


def _place(value: Label) -> tuple[str, Label]:
    """Numbers among themselves, texts among themselves."""
    return ("text" if isinstance(value, str) else "number", value)


if __name__ == "__main__":
    main()
