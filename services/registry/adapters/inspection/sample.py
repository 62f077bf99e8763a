"""What a reference sample holds, within the child: its columns and its target.

Rows from all over it are what the model is tried with, and what a compiled one is compared on.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import compute, parquet, types

from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, Task
from understudy.inference.rows import Rows, joined

SAMPLED_ROWS: Final = 1_000
_LOOKED_AT: Final = 4 * SAMPLED_ROWS
"""Some of them may not be legal."""
_TRIED_ANYWAY: Final = 16
_MOST_NAMED: Final = 20
_NUMERIC: Final = (
    types.is_integer,
    types.is_floating,
    types.is_boolean,
    types.is_decimal,
    types.is_null,
)


@dataclass(frozen=True, slots=True)
class Looked:
    """What keeps the sample from being used, or else some of its rows."""

    problems: tuple[str, ...] = ()
    rows: Rows | None = None
    """At most SAMPLED_ROWS that the signature allows, from all over the sample; when it allows
    none, the first ones."""


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
    parts, passed = list[Rows](), 0
    step = -(-file.metadata.num_rows // _LOOKED_AT) or 1
    for batch in file.iter_batches(columns=[*signature.names, signature.target.name]):
        foreign = _foreign(batch[signature.target.name], signature.target)
        if foreign is not None:
            return Looked((foreign,))
        chosen = batch.take(pa.array(np.arange(-passed % step, batch.num_rows, step)))
        parts.append(_rows(chosen, signature))
        passed += batch.num_rows
    if not passed:
        return Looked(("it has no rows",))
    return Looked(rows=_spread(joined(parts), signature))


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


def _rows(batch: Any, signature: Signature) -> Rows:
    numbers = [_numbers(batch[f.name]) for f in signature.features if f.numeric]
    texts = [_texts(batch[f.name]) for f in signature.features if not f.numeric]
    shape = (batch.num_rows, len(numbers))
    stacked = np.column_stack(numbers) if numbers else np.empty(shape)
    return Rows(stacked, tuple(texts))


def _numbers(column: Any) -> Any:
    if types.is_boolean(column.type):
        column = column.cast(pa.int8())
    found = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return np.asarray(found, dtype=np.float64)


def _texts(column: Any) -> list[str | None]:
    return [None if value is None else str(value) for value in column.to_pylist()]


def _spread(rows: Rows, signature: Signature) -> Rows:
    legal = np.flatnonzero(_legal(rows, signature))
    if not legal.size:
        return rows.part(0, _TRIED_ANYWAY)
    if legal.size > SAMPLED_ROWS:
        legal = legal[np.linspace(0, legal.size - 1, SAMPLED_ROWS).astype(np.intp)]
    return Rows(rows.numbers[legal], tuple([texts[i] for i in legal] for texts in rows.texts))


def _legal(rows: Rows, signature: Signature) -> NDArray[np.bool_]:
    """Of each row: whether serving would let it reach the model."""
    numbers, texts = iter(rows.numbers.T), iter(rows.texts)
    legal = np.ones(len(rows), dtype=bool)
    for feature in signature.features:
        if feature.numeric:
            legal &= _legal_numbers(next(numbers), feature)
        else:
            legal &= _legal_texts(next(texts), feature)
    return legal


def _legal_numbers(values: NDArray[np.float64], feature: Feature) -> NDArray[np.bool_]:
    low = -np.inf if feature.minimum is None else feature.minimum
    high = np.inf if feature.maximum is None else feature.maximum
    legal = np.isfinite(values) & (values >= low) & (values <= high)
    if feature.kind is FeatureKind.INTEGER:
        legal &= values == np.floor(values)
    elif feature.kind is FeatureKind.BOOLEAN:
        legal &= (values == 0) | (values == 1)
    return legal | np.isnan(values) if feature.nullable else legal


def _legal_texts(values: Iterable[str | None], feature: Feature) -> NDArray[np.bool_]:
    choices = {*feature.choices}
    return np.array(
        [
            feature.nullable if value is None else feature.open_choices or value in choices
            for value in values
        ],
        dtype=bool,
    )
