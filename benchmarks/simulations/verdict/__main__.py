"""`python -m benchmarks.simulations.verdict [--quick] [--only NAME]`: prints the tables."""

import argparse
import time
from collections.abc import Callable
from typing import Final

from numpy.random import Generator

from benchmarks.simulations.verdict.arrival import biased_arrival
from benchmarks.simulations.verdict.breaking import broken_assumptions
from benchmarks.simulations.verdict.decisions import better_models, equal_models
from benchmarks.simulations.verdict.equivalence import equivalence
from benchmarks.simulations.verdict.flights import real_models
from benchmarks.simulations.verdict.gaps import fairness_vetoes
from benchmarks.simulations.verdict.intervals import interval_coverage
from benchmarks.simulations.verdict.rails import false_roll_backs, roll_back_delay, vetoes
from benchmarks.simulations.verdict.tables import Scale, Table, streams

SEED: Final = 4
FULL: Final = Scale(runs=2_000, labels=20_000)
QUICK: Final = Scale(runs=60, labels=3_000)
QUESTIONS: Final[tuple[Callable[[Scale, Generator], Table], ...]] = (
    equal_models,
    better_models,
    biased_arrival,
    equivalence,
    vetoes,
    false_roll_backs,
    roll_back_delay,
    interval_coverage,
    broken_assumptions,
    real_models,
    fairness_vetoes,
)


def main() -> None:
    """Ask all questions, or one."""
    names = [question.__name__ for question in QUESTIONS]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small scale, for a look")
    parser.add_argument("--only", choices=names)
    asked = parser.parse_args()
    scale = QUICK if asked.quick else FULL
    print(
        f"seed {SEED}, {scale.runs:,} runs, {scale.labels:,} labels, a look every 50\n", flush=True
    )
    for question, rng in zip(QUESTIONS, streams(SEED, len(QUESTIONS)), strict=True):
        if asked.only in {None, question.__name__}:
            began = time.monotonic()
            print(question(scale, rng))
            print(f"({time.monotonic() - began:.0f} s)\n", flush=True)


if __name__ == "__main__":
    main()
