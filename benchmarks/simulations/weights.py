"""What density weights are worth to estimated accuracy: none, ours, and the true odds.

`python -m benchmarks.simulations.weights [--quick]`, on the flights of `estimating`.
"""

import argparse
import statistics
import time
from typing import Final

import numpy as np
import pandas as pd

from benchmarks.simulations.estimating import MIXES, SEED, World, worlds
from benchmarks.simulations.verdict.tables import Table
from services.monitor.adapters.weighing import Matrix, coded, density_weights
from services.monitor.domain.outcomes.baseline import Baseline
from services.monitor.domain.outcomes.class_counts import class_counts
from services.monitor.domain.outcomes.estimating import expect
from understudy.contracts.vocabulary import BaselineSample
from understudy.profiles.arrays import Floats

_NUMBERS: Final = ("month", "hour", "distance")
_CATEGORIES: Final = ("carrier", "origin")
_KNOWN: Final = 20_000
_LIVE: Final = 10_000
_JUDGED: Final = 50_000


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    rng = np.random.default_rng(SEED)
    known, live = worlds(rng, 20_000 if quick else 100_000)
    rows = [
        _row(name, known, live, rng, 1 if quick else 12)
        for name in (list(MIXES)[1:3] if quick else MIXES)
    ]
    columns = ("live rows", "plain, pp", "ours, pp", "true odds, pp", "weighed", "seconds")
    print(f"seed {SEED}; {_KNOWN:,} baseline rows, {_LIVE:,} of {_JUDGED:,} live ones weigh them")
    print(Table("Mean distance of estimated from realised accuracy", columns, rows))


def _row(
    name: str, known: World, live: World, rng: np.random.Generator, draws: int
) -> tuple[str, ...]:
    odds = MIXES[name](live.flights)
    plain, ours, perfect, weighed, seconds = [], [], [], 0, []
    for _ in range(draws):
        sample = known.take(rng.choice(len(known.late), _KNOWN, replace=False))
        true, baseline = MIXES[name](sample.flights), _baseline(sample)
        drawn = live.take(rng.choice(len(odds), _JUDGED, p=odds / odds.sum()))
        newest = drawn.flights.iloc[:_LIVE]
        began = time.process_time()
        weights = density_weights(*_matrices(newest, sample.flights), len(_NUMBERS))
        seconds.append(time.process_time() - began)
        weighed += weights is not None
        plain.append(_error(baseline, None, drawn))
        ours.append(_error(baseline, weights, drawn))
        perfect.append(_error(baseline, true / true.mean(), drawn))
    figures = (f"{statistics.mean(errors):.2f}" for errors in (plain, ours, perfect))
    return (name, *figures, f"{weighed}/{draws}", f"{statistics.median(seconds):.1f}")


def _baseline(known: World) -> Baseline:
    answers = known.answers
    return Baseline(BaselineSample.EVALUATION, answers.values, answers.probabilities, known.late, 2)


def _error(baseline: Baseline, weights: Floats | None, drawn: World) -> float:
    """In percentage points."""
    expectation = expect(baseline, weights)
    if expectation is None:
        raise RuntimeError("the baseline has no scores")
    counted = class_counts(drawn.answers, drawn.late, 2)
    estimated = expectation.estimate(counted)["accuracy"].value
    right = np.equal(drawn.answers.values, drawn.late)
    return 100 * abs(estimated - float(right.mean()))


def _matrices(live: pd.DataFrame, known: pd.DataFrame) -> tuple[Matrix, Matrix]:
    columns = [
        (live[name].to_numpy(dtype=float), known[name].to_numpy(dtype=float)) for name in _NUMBERS
    ]
    columns += [coded(live[name].tolist(), known[name].tolist()) for name in _CATEGORIES]
    found, other = (np.column_stack(parts) for parts in zip(*columns, strict=True))
    return found, other


if __name__ == "__main__":
    main()
