"""What a reference sample holds, within the child of `inspection`: its columns and its target.

Its first rows are what the model is tried with.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
from pyarrow import compute, parquet, types

from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import Task

TRIED_ROWS: Final = 16
_MOST_NAMED: Final = 20
_NUMERIC: Final = (
    types.is_integer,
    types.is_floating,
    types.is_boolean,
    types.is_decimal,
    types.is_null,
)

Columns = Mapping[str, Any]
"""By feature: float64 with NaN, or text with NaN, as serving hands them to models."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What keeps the sample from being used, or else some of its rows."""

    problems: tuple[str, ...] = ()
    rows: Columns = field(default_factory=dict)


def look(path: str, signature: Signature) -> Looked:
    """Read the whole sample, a batch at a time."""
    try:
        with parquet.ParquetFile(path) as file:
            problems = _columns(signature, file.schema_arrow)
            if problems:
                return Looked(tuple(problems[:_MOST_NAMED]))
            return _look_at_rows(file, signature)
    except (pa.ArrowException, OSError) as error:
        return Looked((f"it can't be read as Parquet: {str(error).splitlines()[0][:200]}",))


def _columns(signature: Signature, schema: Any) -> list[str]:
    target = signature.target
    missing = [name for name in (*signature.names, target.name) if name not in schema.names]
    problems = [f"column '{name}' is missing" for name in missing]
    numbers = [feature.name for feature in signature.features if feature.numeric]
    if target.task is Task.REGRESSION:
        numbers.append(target.name)
    kinds = {name: schema.field(name).type for name in numbers if name in schema.names}
    wrong = [name for name, kind in kinds.items() if not _numeric(kind)]
    return problems + [f"column '{name}' is {kinds[name]}, not a number" for name in wrong]


def _numeric(kind: Any) -> bool:
    return any(test(kind) for test in _NUMERIC)


def _look_at_rows(file: Any, signature: Signature) -> Looked:
    tried: Columns | None = None
    for batch in file.iter_batches(columns=[*signature.names, signature.target.name]):
        foreign = _foreign(batch[signature.target.name], signature.target)
        if foreign is not None:
            return Looked((foreign,))
        if tried is None and batch.num_rows:
            tried = _tried(batch, signature)
    return Looked(("it has no rows",)) if tried is None else Looked(rows=tried)


def _foreign(column: Any, target: Target) -> str | None:
    """A label that is none of the classes. Rows without a label do no harm."""
    if target.task is Task.REGRESSION:
        return None
    values = column if types.is_nested(column.type) else compute.unique(column)
    for value in values.to_pylist():
        if value is not None and value not in target.classes:
            return (
                f"column '{target.name}' holds {_shown(value)}, which is none of the signature's "
                f"classes ({', '.join(map(_shown, target.classes[:_MOST_NAMED]))})"
            )
    return None


def _shown(value: object) -> str:
    return repr(value)[:80]


def _tried(batch: Any, signature: Signature) -> Columns:
    """The first rows that the signature allows; the first of all when it allows none of them."""
    legal = np.ones(batch.num_rows, dtype=bool)
    for feature in signature.features:
        if not feature.nullable:
            legal &= compute.is_valid(batch[feature.name]).to_numpy(zero_copy_only=False)
    chosen = np.flatnonzero(legal)[:TRIED_ROWS] if legal.any() else np.arange(TRIED_ROWS)
    rows = batch.take(pa.array(chosen[chosen < batch.num_rows]))
    return {feature.name: _read(feature)(rows[feature.name]) for feature in signature.features}


def _read(feature: Feature) -> Callable[[Any], Any]:
    return _numbers if feature.numeric else _texts


def _numbers(column: Any) -> Any:
    if types.is_boolean(column.type):
        column = column.cast(pa.int8())
    found = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return np.asarray(found, dtype=np.float64)


def _texts(column: Any) -> Any:
    values = column.to_pylist()
    return np.array([np.nan if value is None else str(value) for value in values], dtype=object)
