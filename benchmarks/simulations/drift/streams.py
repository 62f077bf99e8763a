"""Streams of 30 features of mixed types, and what may go wrong with them.

12 normal numbers, 4 lognormal, 3 heavy-tailed (t with 3 degrees of freedom), 3 Poisson counts, 2
booleans, 6 categories of 3 to 12 values with Zipf's shares; 2 % missing in every third feature.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from scipy.signal import lfilter
from scipy.special import ndtr, stdtrit

from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, Task
from understudy.profiles.arrays import Floats
from understudy.profiles.columns import Column

FEATURES: Final = 30
MISSING: Final = 0.02
LEVELS: Final = (3, 4, 5, 6, 8, 12)
Columns = Mapping[str, Column]
Shaper = Callable[[Floats], Floats]


class Fault(StrEnum):
    """What happens to one feature."""

    NONE = "none"
    HALF = "0.5 standard deviations"
    QUARTER = "0.25 standard deviations"
    TENTH = "0.1 standard deviations"
    MISSING = "missing 2 to 10 %"
    THOUSAND = "x1000 in 5 % of rows"
    UNSEEN = "new category 5 %"
    RAMP = "1 standard deviation over 50,000 rows"


@dataclass(frozen=True, slots=True)
class Kind:
    """One feature, from a standard normal."""

    name: str
    shape: Shaper | None
    """None: a category."""
    levels: int = 0


def _same(values: Floats) -> Floats:
    return values


def _heavy(values: Floats) -> Floats:
    return np.asarray(stdtrit(3, np.clip(ndtr(values), 1e-12, 1 - 1e-12)))


def _count(values: Floats) -> Floats:
    # Shares of a Poisson count with mean 3, by its quantiles.
    edges = np.cumsum([0.0498, 0.1494, 0.2240, 0.2240, 0.1680, 0.1008, 0.0504, 0.0216, 0.0081])
    return np.asarray(np.searchsorted(edges, ndtr(values)), dtype=float)


def _flag(values: Floats) -> Floats:
    return (values > 0.5).astype(float)


def kinds() -> list[Kind]:
    """All 30."""
    shapes: list[Shaper] = [
        *[_same] * 12,
        *[np.exp] * 4,
        *[_heavy] * 3,
        *[_count] * 3,
        *[_flag] * 2,
    ]
    numbers = [Kind(f"number_{at}", shape) for at, shape in enumerate(shapes)]
    return [*numbers, *(Kind(f"category_{at}", None, n) for at, n in enumerate(LEVELS))]


KINDS: Final = kinds()
SIGNATURE: Final = Signature(
    features=tuple(
        Feature(kind.name, FeatureKind.CATEGORY, nullable=True, open_choices=True)
        if kind.shape is None
        else Feature(kind.name, FeatureKind.NUMBER, nullable=True)
        for kind in KINDS
    ),
    target=Target("bad", Task.CLASSIFICATION, classes=("no", "yes")),
)


def draw(rng: np.random.Generator, rows: int, latent: Floats | None = None) -> Columns:
    """Rows without a fault; `latent` (features, rows) standard normals may be clustered."""
    normal = rng.standard_normal((FEATURES, rows)) if latent is None else latent
    found: dict[str, Column] = {}
    for at, (kind, values) in enumerate(zip(KINDS, normal, strict=True)):
        gone = rng.random(rows) < (MISSING if at % 3 == 0 else 0.0)
        found[kind.name] = _column(kind, values, gone)
    return found


def broken(columns: Columns, fault: Fault, rng: np.random.Generator) -> Columns:
    """The same rows with the fault in one feature."""
    found = dict(columns)
    first, category = np.array(columns["number_0"], dtype=float), columns["category_2"]
    some = rng.random(first.size)
    if fault in _SHIFTS:
        found["number_0"] = first + _SHIFTS[fault]
    elif fault is Fault.RAMP:
        found["number_0"] = first + np.minimum(np.arange(first.size) / 50_000, 1.0)
    elif fault is Fault.MISSING:
        found["number_0"] = np.where(some < 0.08 / 0.98, np.nan, first)
    elif fault is Fault.THOUSAND:
        found["number_0"] = np.where(some < 0.05, first * 1_000, first)
    elif fault is Fault.UNSEEN:
        changed = zip(category, some < 0.05, strict=True)
        found["category_2"] = ["new" if new else value for value, new in changed]
    return found


def waves(rng: np.random.Generator, rows: int, memory: float) -> Floats:
    """Autocorrelated latent normals: x_t = memory·x_{t-1} + noise."""
    noise = rng.standard_normal((FEATURES, rows)) * np.sqrt(1 - memory**2)
    noise[:, 0] /= np.sqrt(1 - memory**2)
    return np.asarray(lfilter([1.0], [1.0, -memory], noise, axis=1))


def clusters(rng: np.random.Generator, rows: int, size: int) -> Floats:
    """Latent normals of customers who send so many equal rows one after another."""
    drawn = rng.standard_normal((FEATURES, rows // size + 1))
    return np.repeat(drawn, size, axis=1)[:, :rows]


def seasons(rng: np.random.Generator, at: Floats, height: float) -> Floats:
    """Latent normals whose mean follows the hour of the day."""
    wave = height * np.sin(at / 86_400 * 2 * np.pi)
    return rng.standard_normal((FEATURES, at.size)) + wave


def _column(kind: Kind, values: Floats, gone: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Column:
    if kind.shape is not None:
        return np.where(gone, np.nan, kind.shape(values))
    names = np.array([f"level {at}" for at in range(kind.levels)], dtype=object)
    chosen = names[np.searchsorted(_zipf(kind.levels), _uniform(values))]
    chosen[gone] = None
    return list(chosen)


def _zipf(levels: int) -> Floats:
    shares = 1.0 / np.arange(1, levels + 1)
    return np.cumsum(shares / shares.sum())[:-1]


def _uniform(values: Floats) -> Floats:
    return np.asarray(ndtr(values))


_SHIFTS: Final = {Fault.HALF: 0.5, Fault.QUARTER: 0.25, Fault.TENTH: 0.1}
