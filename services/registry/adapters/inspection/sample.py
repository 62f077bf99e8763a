"""What a sample holds, within the child: its columns, its target, its times.

Rows from all over it are what the model is tried with, and what a compiled one is compared on.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import compute, parquet, types

from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, Task
from understudy.inference.row_times import no_times, times_of
from understudy.inference.rows import Rows, joined

SAMPLED_ROWS: Final = 1_000
_LOOKED_AT: Final = 4 * SAMPLED_ROWS
"""Some of them may not be legal."""
_TRIED_ANYWAY: Final = 16
_MOST_NAMED: Final = 20
_LATEST: Final = 1e11
"""Seconds since the epoch: the year 5138. Milliseconds are beyond it since 1973."""
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
    times: tuple[str, ...] = ()
    """What is wrong with its time column."""
    rows: Rows | None = None
    """At most SAMPLED_ROWS that the signature allows, from all over the sample; when it allows
    none, the first ones."""


def look(path: str, signature: Signature, time_column: str | None = None) -> Looked:
    """Read the whole sample, a batch at a time."""
    try:
        with parquet.ParquetFile(path) as file:
            problems = _columns(signature, file.schema_arrow)
            times = _time_column(time_column, signature, file.schema_arrow)
            if problems or times:
                return Looked(tuple(problems[:_MOST_NAMED]), times)
            return _look_at_rows(file, signature, time_column)
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


def _time_column(name: str | None, signature: Signature, schema: Any) -> tuple[str, ...]:
    if name is None:
        return ()
    if name == signature.target.name:
        return (f"column '{name}' is the target; name another one, or none",)
    if name not in schema.names:
        return (f"column '{name}' is missing",)
    objection = no_times(schema.field(name).type)
    return () if objection is None else (f"column '{name}' {objection}",)


def columns_of(signature: Signature, time_column: str | None) -> list[str]:
    """What is read of a sample, each column once."""
    names = [*signature.names, signature.target.name]
    return names if time_column in {None, *names} else [*names, str(time_column)]


def spread_places(rows: int, most: int) -> Any:
    """Which rows of a file `spread_batches` takes."""
    return np.arange(0, rows, -(-rows // most) or 1)


def spread_batches(file: Any, columns: Sequence[str], most: int) -> Iterator[tuple[Any, Any]]:
    """Each batch of a Parquet file whole, and of its rows those of about `most` evenly spread."""
    step, passed = -(-file.metadata.num_rows // most) or 1, 0
    for batch in file.iter_batches(columns=columns):
        yield batch, batch.take(pa.array(np.arange(-passed % step, batch.num_rows, step)))
        passed += batch.num_rows


def _look_at_rows(file: Any, signature: Signature, time_column: str | None) -> Looked:
    parts, timed = list[Rows](), time_column is None
    columns = columns_of(signature, time_column)
    for batch, chosen in spread_batches(file, columns, _LOOKED_AT):
        foreign = _foreign(batch[signature.target.name], signature.target)
        if foreign is not None:
            return Looked((foreign,))
        if time_column is not None:
            at = times_of(batch[time_column])
            if (at > _LATEST).any():
                return Looked(times=(_too_late(time_column, at),))
            timed = timed or bool(np.isfinite(at).any())
        parts.append(rows_in(chosen, signature))
    if not sum(map(len, parts)):
        return Looked(("it has no rows",))
    if not timed:
        return Looked(times=(f"column '{time_column}' holds no time: all of it is null",))
    return Looked(rows=_spread(joined(parts), signature))


def _too_late(name: str, at: NDArray[np.float64]) -> str:
    return (
        f"column '{name}' holds {np.nanmax(at):.3g}, which is too large for seconds since the "
        "epoch; divide milliseconds by 1000, or save timestamps"
    )


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


def rows_in(batch: Any, signature: Signature) -> Rows:
    """The features of a batch as serving hands them over."""
    numbers = [numbers_in(batch[f.name]) for f in signature.features if f.numeric]
    texts = [_texts(batch[f.name]) for f in signature.features if not f.numeric]
    shape = (batch.num_rows, len(numbers))
    stacked = np.column_stack(numbers) if numbers else np.empty(shape)
    return Rows(stacked, tuple(texts))


def numbers_in(column: Any) -> NDArray[np.float64]:
    """A numeric column; NaN where null."""
    if types.is_boolean(column.type):
        column = column.cast(pa.int8())
    found = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return np.asarray(found, dtype=np.float64)


def _texts(column: Any) -> list[str | None]:
    return [None if value is None else str(value) for value in column.to_pylist()]


def _spread(rows: Rows, signature: Signature) -> Rows:
    legal = np.flatnonzero(legal_rows(rows, signature))
    if not legal.size:
        return rows.part(0, _TRIED_ANYWAY)
    return rows.at(evenly(legal, SAMPLED_ROWS))


def evenly(places: NDArray[np.intp], most: int) -> NDArray[np.intp]:
    """At most so many of the places, from the first to the last."""
    if places.size <= most:
        return places
    return places[np.linspace(0, places.size - 1, most).astype(np.intp)]


def legal_rows(rows: Rows, signature: Signature) -> NDArray[np.bool_]:
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
