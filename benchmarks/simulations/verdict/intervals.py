"""Whether the displayed interval holds the true difference at every look."""

from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from benchmarks.simulations.verdict.classifiers import Rivals, better_by, equals
from benchmarks.simulations.verdict.decisions import BRIER_CLIP
from benchmarks.simulations.verdict.tables import Scale, Table, share
from benchmarks.simulations.verdict.wealth import LOOK, first, running_sums
from services.monitor.domain.deciding.comparison import interval
from services.monitor.domain.statistics.spectrum import STEPS, read_spectrum
from understudy.profiles.arrays import Floats

_SMALL: Final = STEPS // 128
_LEAST_VARIANCE: Final = 1e-12
"""Half widths before the first label that anything is shown of are infinite, not undefined."""


def interval_coverage(scale: Scale, rng: Generator) -> Table:
    """Share of runs that were ever missed, from 50 and from 500 labels on."""
    better = better_by(0.01)
    drawn = np.concatenate([better.rows(rng, 100, 20_000).brier() for _ in range(3)])
    cases = (
        ("equal models, Brier", equals(), BRIER_CLIP, 0.0),
        ("equal models, zero-one", equals(), 1.0, 0.0),
        ("+1 pp, Brier", better, BRIER_CLIP, float(drawn.mean())),
        ("+1 pp, zero-one", better, 1.0, 0.01),
    )
    rows = [(name, *_row(rivals, (clip, truth), scale, rng)) for name, rivals, clip, truth in cases]
    columns = ("difference", "ever missed", "missed after 500 labels", "half width at 2,000")
    return Table("The displayed 95 % interval, looked at every 50 labels", columns, rows)


def _row(
    rivals: Rivals, terms: tuple[float, float], scale: Scale, rng: Generator
) -> tuple[str, ...]:
    """Ever missed, missed after 500 labels, half width; `terms`: the clip and the true mean."""
    clip, truth = terms
    missed, late, widths = [], [], []
    for runs in scale.pieces:
        drawn = rivals.rows(rng, runs, scale.labels)
        differences = drawn.brier() if clip == BRIER_CLIP else drawn.zero_one()
        outside, half = _outside(differences / clip, truth / clip)
        missed.append(first(outside))
        late.append(first(outside, 500))
        widths.append(half[:, min(39, half.shape[1] - 1)] * clip)
    width = float(np.median(np.concatenate(widths)))
    return share(np.concatenate(missed)), share(np.concatenate(late)), f"± {width:.4f}"


def spreads(looks: int) -> Floats:
    """Half widths for a standard deviation of 1, read off the monitor's own interval."""
    return np.array([_spread(LOOK * (at + 1)) for at in range(looks)])


def _spread(labels: int) -> float:
    """Of `labels` values, half at +small and half at -small: mean 0, known deviation."""
    found = interval(read_spectrum({_SMALL: labels // 2, -_SMALL: labels // 2}), 1.0)
    if found is None or found.high is None:
        return np.inf  # nothing is shown of so few
    return found.high / (_SMALL / STEPS)


def _outside(differences: Floats, truth: float) -> tuple[NDArray[np.bool_], Floats]:
    looks = differences.shape[1] // LOOK
    labels = LOOK * np.arange(1, looks + 1)
    mean = running_sums(differences) / labels
    variance = np.maximum(running_sums(differences**2) / labels - mean**2, 0.0)
    half = np.sqrt(np.maximum(variance, _LEAST_VARIANCE)) * spreads(looks)
    return np.abs(mean - truth) > half, half
