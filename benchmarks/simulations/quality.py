"""How often 95 % intervals of quality hold the truth.

`python -m benchmarks.simulations.quality [--quick]`. Rows are drawn anew from a known world; the
truth is the figure of two million rows of it.
"""

import argparse
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.random import Generator

from benchmarks.simulations.verdict.tables import Table
from services.monitor.domain.outcomes.class_counts import class_counts
from services.monitor.domain.outcomes.class_quality import class_quality
from services.monitor.domain.outcomes.facts import Answers
from services.monitor.domain.outcomes.number_quality import errors_of, number_quality
from services.monitor.domain.outcomes.number_sums import number_sums
from services.monitor.domain.statistics.intervals import Interval
from understudy.profiles.arrays import Floats

SEED: Final = 6
TRUTH_ROWS: Final = 2_000_000
SIZES: Final = (100, 500, 5_000)

Figures = dict[str, Interval]
World = Callable[[Generator, int], Figures]


def main() -> None:
    """Print one table for each world."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    runs = 100 if parser.parse_args().quick else 2_000
    print(f"seed {SEED}, {runs:,} runs of each size\n")
    for name, world in WORLDS.items():
        print(coverage(name, world, runs), flush=True)


def coverage(title: str, world: World, runs: int) -> Table:
    """Of each figure and size: how many intervals hold the truth, and how wide they are."""
    rng = np.random.default_rng(SEED)
    truth = world(rng, TRUTH_ROWS)
    told: dict[str, list[str]] = {name: [f"{one.value:.3f}"] for name, one in truth.items()}
    for size in SIZES:
        found = [world(rng, size) for _ in range(runs)]
        for name, one in truth.items():
            told[name].append(_held(one.value, [run[name] for run in found if name in run]))
    columns = ("figure", "truth", *(f"{size:,} rows" for size in SIZES))
    return Table(title, columns, [(name, *cells) for name, cells in told.items()])


def balanced(rng: Generator, rows: int) -> Figures:
    """Two classes, 40 % of them positive."""
    return _binary(rng, rows, -0.4)


def rare(rng: Generator, rows: int) -> Figures:
    """Two classes, 5 % of them positive."""
    return _binary(rng, rows, -3.6)


def three(rng: Generator, rows: int) -> Figures:
    """Three classes, of 60, 30 and 10 %."""
    chances = rng.dirichlet([1.8, 0.9, 0.3], rows)
    labels = (rng.random(rows)[:, None] > chances.cumsum(axis=1)).sum(axis=1).clip(0, 2)
    return _classified(chances, labels.astype(float))


def skewed(rng: Generator, rows: int) -> Figures:
    """Numbers whose errors are skewed, as those of prices are."""
    label = rng.normal(0.0, 1.0, rows)
    error = rng.lognormal(-1.0, 0.8, rows) - 0.4
    return number_quality(errors_of(number_sums(label + error, label, 1.0), rows, 1.0))


WORLDS: Final[dict[str, World]] = {
    "Two classes, 40 % positive": balanced,
    "Two classes, 5 % positive": rare,
    "Three classes": three,
    "Numbers with skewed errors": skewed,
}


def _binary(rng: Generator, rows: int, centre: float) -> Figures:
    chances = 1 / (1 + np.exp(-rng.normal(centre, 1.5, rows)))
    labels = (rng.random(rows) < chances).astype(float)
    return _classified(np.column_stack([1 - chances, chances]), labels)


def _classified(chances: Floats, labels: Floats) -> Figures:
    values = chances.argmax(axis=1).astype(float)
    answers = Answers(values, chances, np.ones(labels.size, dtype=bool))
    return class_quality(class_counts(answers, labels, chances.shape[1]))


def _held(truth: float, found: list[Interval]) -> str:
    limits = [(one.low, one.high) for one in found if one.low is not None and one.high is not None]
    if not limits:
        return "none"
    lows, highs = np.array(limits).T
    inside = ((lows <= truth) & (truth <= highs)).mean()
    return f"{inside:.1%} (width {np.mean(highs - lows):.3f})"


if __name__ == "__main__":
    main()
