"""What the guarantee rests on, broken: heavy tails, losses that follow each other, copied rows."""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.random import Generator

from benchmarks.simulations.verdict.decisions import betting
from benchmarks.simulations.verdict.tables import Scale, Table, share
from understudy.profiles.arrays import Floats

Draw = Callable[[Generator, int, int], Floats]


def _tails(rng: Generator, runs: int, labels: int) -> Floats:
    """Absolute errors of two regressions with t-distributed errors, 2.5 degrees of freedom."""
    errors = rng.standard_t(2.5, (2, runs, labels)) * 0.5
    return np.asarray(np.abs(errors[0]) - np.abs(errors[1]))


def _rare_disaster(rng: Generator, runs: int, labels: int) -> Floats:
    """Better by 0.05 in nearly all rows, worse by 9.95 in one of 200: equal in the mean."""
    return np.where(rng.random((runs, labels)) < 0.005, -9.95, 0.05)


def _following(correlation: float) -> Draw:
    """Differences that follow each other: AR(1) with mean 0."""

    def draw(rng: Generator, runs: int, labels: int) -> Floats:
        noise = rng.normal(0.0, 0.3 * np.sqrt(1 - correlation**2), (labels, runs))
        found = np.empty_like(noise)
        found[0] = rng.normal(0.0, 0.3, runs)
        for at in range(1, labels):
            found[at] = correlation * found[at - 1] + noise[at]
        return np.ascontiguousarray(found.T)

    return draw


def _copied(times: int) -> Draw:
    """Each row is sent `times` times, as a customer who asks again."""

    def draw(rng: Generator, runs: int, labels: int) -> Floats:
        each = rng.normal(0.0, 0.3, (runs, -(-labels // times)))
        return np.repeat(each, times, axis=1)[:, :labels]

    return draw


CASES: Final[dict[str, Draw]] = {
    "heavy tails (t, 2.5 degrees), clipped at 1": _tails,
    "a rare disaster beyond the clip, means equal unclipped": _rare_disaster,
    "autocorrelation 0.2": _following(0.2),
    "autocorrelation 0.5": _following(0.5),
    "autocorrelation 0.9": _following(0.9),
    "each row sent 3 times": _copied(3),
    "each row sent 10 times": _copied(10),
}


def broken_assumptions(scale: Scale, rng: Generator) -> Table:
    """Equal means everywhere: whatever is decided is wrong."""
    rows = []
    for name, draw in CASES.items():
        parts = [betting(draw(rng, runs, scale.labels), 1.0) for runs in scale.pieces]
        better = np.concatenate([part.better for part in parts])
        worse = np.concatenate([part.worse for part in parts])
        rows.append((name, share(better), share(worse), share(np.minimum(better, worse))))
    columns = ("differences of losses", "promoted", "rejected", "wrong")
    return Table(f"What breaks, up to {scale.labels:,} labels", columns, rows)
