"""Histograms whose bars hold for both samples."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from understudy.contracts.reviews import Bars
from understudy.inference.scored import Floats

FEW: Final = 12
"""So many values are shown one by one."""
OTHER: Final = "other"
_INNER: Final = 14
_LONGEST: Final = 80
Counts = Counter[str]


def number_bars(
    reference: Floats,
    evaluation: Floats | None,
    named: Callable[[float], str],
    *,
    whole: bool = False,
) -> Bars | None:
    """Of numbers; what is not finite is left out. None when there is nothing to show.

    Few values: a bar each, with its name. Otherwise 14 bars of one width between the 1 % and the
    99 % quantile of the reference, and one on either side for what is beyond, so that a single
    outlier doesn't press all rows into one bar. `whole`: edges of whole numbers.
    """
    reference = reference[np.isfinite(reference)]
    evaluation = None if evaluation is None else evaluation[np.isfinite(evaluation)]
    if not reference.size:
        return None
    both = reference if evaluation is None else np.concatenate([reference, evaluation])
    values = np.unique(both + 0.0)
    if values.size <= FEW:
        return Bars(
            reference=_shares_of_values(reference, values),
            evaluation=None if evaluation is None else _shares_of_values(evaluation, values),
            names=tuple(map(named, values.tolist())),
        )
    edges = _edges(reference, float(values[0]), float(values[-1]), whole=whole)
    if edges is None:
        return None
    return Bars(
        reference=_shares(reference, edges),
        evaluation=None if evaluation is None else _shares(evaluation, edges),
        edges=tuple(edges.tolist()),
    )


def time_bars(reference: Floats, evaluation: Floats | None) -> Bars | None:
    """Of seconds since the epoch: bars of one width over both samples."""
    parts = [part[np.isfinite(part)] for part in (reference, evaluation) if part is not None]
    both = np.concatenate(parts)
    if not both.size or both.min() == both.max():
        return None
    edges = np.linspace(both.min(), both.max(), _INNER + 1)
    shares = [_shares(part, edges) for part in parts]
    return Bars(shares[0], shares[1] if len(shares) > 1 else None, edges=tuple(edges.tolist()))


def text_bars(reference: Counts, evaluation: Counts | None) -> Bars | None:
    """Of categories: the commonest of the reference, and all others together."""
    both = reference + (evaluation or Counter())
    if not both:
        return None
    order = sorted(both, key=lambda name: (-reference[name], -both[name], name))
    # Twelve in all: "other" is one of them.
    shown = order if len(order) <= FEW else order[: FEW - 1]
    names = tuple(map(short, shown)) + ((OTHER,) if len(order) > len(shown) else ())
    return Bars(
        reference=_shares_of_names(reference, shown, len(names)),
        evaluation=None if evaluation is None else _shares_of_names(evaluation, shown, len(names)),
        names=names,
    )


def number_text(value: float) -> str:
    """For people: 3 and not 3.0; six digits otherwise."""
    return f"{value:.0f}" if value == np.floor(value) and abs(value) < 1e15 else f"{value:.6g}"


def truth_text(value: float) -> str:
    """Of 0 and 1."""
    return {0.0: "false", 1.0: "true"}.get(value) or number_text(value)


def short(name: str) -> str:
    """A value that fits into a table."""
    return name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"


def _edges(reference: Floats, least: float, most: float, *, whole: bool) -> Floats | None:
    low, high = np.quantile(reference, [0.01, 0.99])
    if low == high:
        low, high = least, most
    if whole:
        low, high = np.floor(low), np.floor(high) + 1.0
        step = max(1.0, np.ceil((high - low) / _INNER))
        inner = low + step * np.arange(int(np.ceil((high - low) / step)) + 1)
    else:
        with np.errstate(over="ignore", invalid="ignore"):
            inner = np.linspace(low, high, _INNER + 1)
    beyond = [[least] if least < inner[0] else [], [most] if most > inner[-1] else []]
    edges = np.unique(np.concatenate([beyond[0], inner, beyond[1]]))
    return edges if edges.size > 1 and np.isfinite(edges).all() else None


def _shares(values: Floats, edges: Floats) -> tuple[float, ...]:
    # Edges hold everything; the last bar holds its right edge too.
    at = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, edges.size - 2)
    return _of_all(np.bincount(at, minlength=edges.size - 1))


def _shares_of_values(found: Floats, values: Floats) -> tuple[float, ...]:
    return _of_all(np.bincount(np.searchsorted(values, found), minlength=values.size))


def _shares_of_names(found: Counts, shown: Sequence[str], bars: int) -> tuple[float, ...]:
    counts = [found[name] for name in shown]
    if bars > len(shown):
        counts.append(found.total() - sum(counts))
    return _of_all(np.array(counts))


def _of_all(counts: NDArray[Any]) -> tuple[float, ...]:
    return tuple((counts / max(1, counts.sum())).tolist())
