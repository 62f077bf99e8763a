"""Packed columns of many entries as one Arrow column each. A missing value is null, not NaN."""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa

from understudy.contracts import events
from understudy.contracts.vocabulary import Label, class_name

TIME: Any = pa.timestamp("us", tz="UTC")


def numbers(parts: Iterable[bytes]) -> Any:
    """Packed float64 → float64."""
    return pa.array(_floats(parts), pa.float64(), from_pandas=True)


def times(parts: Iterable[bytes]) -> Any:
    """Packed seconds since the epoch → microseconds."""
    return moments(_floats(parts))


def moments(seconds: Sequence[float | None] | Any) -> Any:
    """Seconds since the epoch → microseconds; null where there are none, or a wrong clock's."""
    found = np.array(seconds, dtype=np.float64)
    sane = np.isfinite(found) & (np.abs(found) < 1e11)
    return pa.array(np.where(sane, found * 1e6, 0.0).round().astype(np.int64), TIME, mask=~sane)


def repeated(values: Sequence[Any], counts: Sequence[int], kind: Any) -> Any:
    """Each value so many times."""
    return pa.array(values, kind).take(pa.array(np.repeat(np.arange(len(counts)), counts)))


def feature(parts: Sequence[events.Column]) -> Any:
    """One feature of entries in which it is of one kind."""
    if isinstance(parts[0], events.CategoryColumn):
        return pa.array([*chain.from_iterable(part.data for part in parts)], pa.string())
    return numbers(part.data for part in parts if isinstance(part, events.NumberColumn))


def answers(prefix: str, scores: Sequence[events.Scores]) -> dict[str, Any]:
    """Four columns on what a version answered; all scores are of one form."""
    classes = scores[0].classes
    values = _floats(score.values for score in scores)
    names = np.array([*map(class_name, classes), ""], dtype=object)
    failed = ~np.isfinite(values)
    chosen = np.where(failed, len(classes), values).astype(np.intp) if classes else None
    return {
        f"{prefix}value": pa.array(values, pa.float64(), from_pandas=True),
        f"{prefix}answer": pa.nulls(len(values), pa.string())
        if chosen is None
        else pa.array(names[chosen], pa.string(), mask=failed),
        f"{prefix}probabilities": _probabilities(scores, failed, len(classes)),
        f"{prefix}classes": repeated(
            [[class_name(label) for label in classes] or None], [len(values)], pa.list_(pa.string())
        ),
    }


def form_of(scores: events.Scores) -> object:
    """Scores of the same form are columns together. Classes by type too: True, 1 and 1.0 equal."""
    return bool(scores.probabilities), tuple((type(label), label) for label in scores.classes)


def number_of(label: Label) -> float | None:
    """A label that is a number, or says yes or no, as a number."""
    return None if isinstance(label, str) else float(label)


def _probabilities(scores: Sequence[events.Scores], failed: Any, width: int) -> Any:
    kind = pa.list_(pa.float64())
    if not scores[0].probabilities:
        return pa.nulls(len(failed), kind)
    offsets = np.arange(len(failed) + 1, dtype=np.int32) * width
    flat = pa.array(_floats(score.probabilities for score in scores))
    return pa.ListArray.from_arrays(pa.array(offsets), flat, type=kind, mask=pa.array(failed))


def _floats(parts: Iterable[bytes]) -> events.Floats:
    return events.unpack(b"".join(parts))
