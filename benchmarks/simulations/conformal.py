"""How often the truth lies within a regression's interval, which is to be 90 %.

`python -m benchmarks.simulations.conformal [--quick]`. The formula that registration uses, on
absolute residuals drawn anew: n of them to measure, then 2,000 new ones that are covered or not.
"""

import argparse
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from benchmarks.simulations.verdict.tables import Table
from services.registry.domain.conformal import LEVEL, interval_of

SEED: Final = 11
_NEW: Final = 2_000
_ROWS: Final = (100, 300, 1_000, 20_000)

Draw = Callable[[np.random.Generator, int], np.ndarray]
"""So many residuals, y - f(x)."""


def _two_noises(rng: np.random.Generator, rows: int) -> np.ndarray:
    """One row in five is ten times as uncertain."""
    return rng.normal(0, np.where(rng.random(rows) < 0.2, 10.0, 1.0))


ALIKE: Final[Mapping[str, Draw]] = {
    "normal": lambda rng, rows: rng.normal(0, 1, rows),
    "normal, the model 2 too low": lambda rng, rows: rng.normal(2, 1, rows),
    "Laplace": lambda rng, rows: rng.laplace(0, 1, rows),
    "Student t, 2 degrees": lambda rng, rows: rng.standard_t(2, rows),
    "log-normal, skewed": lambda rng, rows: rng.lognormal(0, 1.5, rows) - 1,
    "uniform": lambda rng, rows: rng.uniform(-1, 1, rows),
    "two kinds of rows": _two_noises,
    "whole numbers (ties)": lambda rng, rows: rng.poisson(3, rows) - 3.0,
}
BROKEN: Final[Mapping[str, Draw]] = {
    "normal, spread 1.5 times as wide": lambda rng, rows: rng.normal(0, 1.5, rows),
    "normal, moved by 1": lambda rng, rows: rng.normal(1, 1, rows),
    "the model was trained on the sample: new ones 1.3 times": lambda rng, rows: rng.normal(
        0, 1.3, rows
    ),
}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    runs = 100 if parser.parse_args().quick else 500
    rng = np.random.default_rng(SEED)
    print(f"seed {SEED}; {runs:,} runs each, {_NEW:,} new rows; nominal {LEVEL:.0%}")
    columns = ("residuals", *(f"n = {rows:,}" for rows in _ROWS))
    alike = [_row(name, draw, draw, runs, rng) for name, draw in ALIKE.items()]
    print(Table("Coverage: mean over samples (5th percentile of samples)", columns, alike))
    normal = ALIKE["normal"]
    broken = [_row(name, normal, draw, runs, rng) for name, draw in BROKEN.items()]
    print(Table("The same where new rows are not like those measured on", columns, broken))
    kinds = [_kinds(runs, rng)]
    print(Table("Two kinds of rows, n = 1,000: each kind's own", ("", "usual", "noisy"), kinds))


def _row(
    name: str, measured: Draw, new: Draw, runs: int, rng: np.random.Generator
) -> tuple[str, ...]:
    return (name, *(_cell(measured, new, rows, runs, rng) for rows in _ROWS))


def _cell(measured: Draw, new: Draw, rows: int, runs: int, rng: np.random.Generator) -> str:
    shares = np.array(
        [
            np.mean(np.abs(new(rng, _NEW)) <= _half_width(np.abs(measured(rng, rows))))
            for _ in range(runs)
        ]
    )
    return f"{100 * shares.mean():.1f} % ({100 * np.quantile(shares, 0.05):.1f})"


def _kinds(runs: int, rng: np.random.Generator) -> tuple[str, ...]:
    usual, noisy = [], []
    for _ in range(runs):
        half_width = _half_width(np.abs(_two_noises(rng, 1_000)))
        usual.append(np.mean(np.abs(rng.normal(0, 1, _NEW)) <= half_width))
        noisy.append(np.mean(np.abs(rng.normal(0, 10, _NEW)) <= half_width))
    return ("coverage", *(f"{100 * np.mean(found):.1f} %" for found in (usual, noisy)))


def _half_width(residuals: np.ndarray) -> float:
    found = interval_of(residuals.tolist())
    if found is None:
        raise RuntimeError("too few rows")
    return found.half_width


if __name__ == "__main__":
    main()
