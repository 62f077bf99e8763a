"""Where the model is worse than elsewhere.

Formula: of the rows of a slice (a quarter of a feature's numbers, one of its values, its missing
ones; at least 50 rows, of a category at least 2 %) the mean loss, less that of all other rows;
mean ± z·√(s₁²/n₁ + s₂²/n₂). The loss is half the squared distance between probabilities and the
true class, zero-one without probabilities, the absolute error for numbers. z is that of
0.05/slices, so that all intervals together hold with 95 % (Bonferroni).

Rows whose truth nobody could tell cost more, whatever the model. So with probabilities there is the
excess too: the loss less what the model itself promises for the row, (1 - ∑p²)/2, of which the mean
is 0 in every slice where its probabilities are right.
Source: Y. Chung, T. Kraska, N. Polyzotis, K. H. Tae & S. E. Whang, "Automated data slicing for
model validation: a big data – AI integration approach", IEEE TKDE 32, 2020, for slices; the
expected loss is the entropy of the Brier score, as in A. P. Dawid, "The well-calibrated Bayesian",
JASA 77, 1982.
Assumes: rows are independent, and 50 of them enough for a mean to be normal.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.registry.adapters.inspection.importances import losses
from services.registry.adapters.reviewing.asking_time import affordable, seconds_left
from services.registry.adapters.reviewing.results_answers import answered
from services.registry.adapters.reviewing.subject import LeftOutError, Subject
from understudy.contracts.reviews import Estimate, Slice
from understudy.contracts.signature import Feature, Signature
from understudy.contracts.vocabulary import FeatureKind
from understudy.inference.rows import Rows
from understudy.inference.scored import Floats, Scored

LEAST_ROWS: Final = 50
_LEAST_SHARE: Final = 0.02
_WORST: Final = 10
_MOST_ROWS: Final = 20_000
_FEW_VALUES: Final = 5
_MISSING: Final = -1


@dataclass(frozen=True, slots=True, eq=False)
class _Parts:
    """How a feature cuts the rows: the part of each, and what parts are called."""

    feature: str
    codes: NDArray[np.intp]
    """`_MISSING` where there is no value."""
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    feature: str
    part: str
    rows: int
    inside: tuple[float, float]
    """Mean and variance of the mean."""
    outside: tuple[float, float]
    excess: tuple[float, float] | None


@np.errstate(over="ignore", invalid="ignore")
def slices_of(subject: Subject) -> tuple[Slice, ...]:
    """The worst first. Raises LeftOutError."""
    held = subject.held
    places = affordable(subject.runner, held.rows, held.some(_MOST_ROWS), 0.5 * seconds_left())
    kept, answers = answered(subject, held, places)
    if kept.size < 2 * LEAST_ROWS:
        raise LeftOutError(f"there are {kept.size} rows with a label, less than {2 * LEAST_ROWS}")
    scored = Scored(answers.values, answers.probabilities)
    loss = losses(scored, answers.labels, subject.signature.target)
    if not np.isfinite(np.square(loss).sum()):
        raise LeftOutError("the model's answers are too far from the labels to be measured")
    return slices_from(held.rows.at(kept), subject.signature, loss, answers.probabilities)


def slices_from(
    rows: Rows, signature: Signature, loss: Floats, probabilities: Floats | None
) -> tuple[Slice, ...]:
    """The worst first, of rows with their losses."""
    excess = None if probabilities is None else loss - _promised(probabilities)
    found = [one for parts in _cuts(rows, signature) for one in _measured(parts, loss, excess)]
    z = NormalDist().inv_cdf(1 - 0.025 / max(1, len(found)))
    told = sorted((_told(one, z) for one in found), key=_badness, reverse=True)
    return tuple(told[:_WORST])


def _promised(probabilities: Floats) -> Floats:
    found: Floats = (1 - np.square(probabilities).sum(axis=1)) / 2
    return found


def _cuts(rows: Rows, signature: Signature) -> Iterator[_Parts]:
    numbers, texts = iter(rows.numbers.T), iter(rows.texts)
    for feature in signature.features:
        if feature.numeric:
            yield _by_number(feature, next(numbers))
        else:
            yield _by_text(feature, next(texts))


def _by_number(feature: Feature, values: Floats) -> _Parts:
    there = np.isfinite(values)
    distinct, codes = np.unique(values[there], return_inverse=True)
    names = tuple(f"{value:.6g}" for value in distinct[:_FEW_VALUES])
    if feature.kind is FeatureKind.BOOLEAN:
        names = tuple("true" if value else "false" for value in distinct[:_FEW_VALUES])
    if distinct.size > _FEW_VALUES:
        edges = np.unique(np.quantile(values[there], (0.25, 0.5, 0.75)))
        codes = np.searchsorted(edges, values[there], side="left")
        names = _ranges(values[there], edges)
    coded = np.full(values.size, _MISSING)
    coded[there] = codes
    return _Parts(feature.name, coded, names)


def _ranges(values: Floats, edges: Floats) -> tuple[str, ...]:
    """Each part without its lower end, but for the first."""
    ends = [values.min(), *edges, values.max()]
    return tuple(f"{low:.6g} to {high:.6g}" for low, high in pairwise(ends))


def _by_text(feature: Feature, values: list[str | None]) -> _Parts:
    places: dict[str | None, int] = {None: _MISSING}
    names = list[str]()
    for value in values:
        if value not in places:
            places[value] = len(names)
            names.append(str(value))
    codes = np.array([places[value] for value in values], dtype=np.intp)
    rows = np.bincount(codes + 1, minlength=len(names) + 1)
    codes[(rows[codes + 1] < _LEAST_SHARE * len(values)) & (codes != _MISSING)] = len(names)
    return _Parts(feature.name, codes, tuple(names))


def _measured(parts: _Parts, loss: Floats, excess: Floats | None) -> Iterator[_Found]:
    """Those that are large enough, and leave enough rows to be held against."""
    codes, size = parts.codes + 1, len(parts.names) + 2
    rows = np.bincount(codes, minlength=size)
    mean, error = _means(codes, loss, rows)
    rest = loss.size - rows
    others, others_error = _rest(codes, loss, rows)
    extra = None if excess is None else _means(codes, excess, rows)
    for place, name in enumerate(("missing", *parts.names)):
        if min(rows[place], rest[place]) < LEAST_ROWS:
            continue
        yield _Found(
            feature=parts.feature,
            part=name,
            rows=int(rows[place]),
            inside=(float(mean[place]), float(error[place])),
            outside=(float(others[place]), float(others_error[place])),
            excess=None if extra is None else (float(extra[0][place]), float(extra[1][place])),
        )


def _means(
    codes: NDArray[np.intp], values: Floats, rows: NDArray[np.intp]
) -> tuple[Floats, Floats]:
    """Of each part: the mean and its variance."""
    sums = np.bincount(codes, values, rows.size).astype(np.float64)
    squares = np.bincount(codes, values**2, rows.size).astype(np.float64)
    return _moments(sums, squares, rows)


def _rest(codes: NDArray[np.intp], values: Floats, rows: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """Of the rows outside each part: the same."""
    sums = np.bincount(codes, values, rows.size).astype(np.float64)
    squares = np.bincount(codes, values**2, rows.size).astype(np.float64)
    return _moments(values.sum() - sums, (values**2).sum() - squares, values.size - rows)


def _moments(sums: Floats, squares: Floats, rows: NDArray[np.intp]) -> tuple[Floats, Floats]:
    some = np.maximum(rows, 1)
    mean = sums / some
    variance = np.maximum(squares / some - mean**2, 0.0) * some / np.maximum(rows - 1, 1)
    return mean, variance / some


def _told(found: _Found, z: float) -> Slice:
    (mean, error), (others, others_error) = found.inside, found.outside
    excess = found.excess
    return Slice(
        feature=found.feature,
        part=found.part,
        rows=found.rows,
        loss=_estimate(mean, z * error**0.5),
        difference=_estimate(mean - others, z * (error + others_error) ** 0.5),
        excess=None if excess is None else _estimate(excess[0], z * excess[1] ** 0.5),
    )


def _estimate(value: float, half: float) -> Estimate:
    return Estimate(value, value - half, value + half)


def _badness(found: Slice) -> tuple[float, float]:
    """What is certainly bad comes first, and before it what is worse than the model promises."""
    low = found.difference.low or 0.0
    excess = 0.0 if found.excess is None else found.excess.low or 0.0
    return (low + max(excess, 0.0), found.difference.value)
