"""How often the interval of a gap between groups holds the true one.

`python -m benchmarks.simulations.fairness [--quick]`. The gap is the largest difference between any
two groups; beside it Newcombe's interval of the two that look farthest apart, unadjusted.
"""

import argparse
from typing import Final

import numpy as np
from numpy.random import Generator

from benchmarks.simulations.verdict.tables import Table
from services.monitor.domain.outcomes.fairness import gap
from services.monitor.domain.statistics.intervals import Interval, difference, proportion

SEED: Final = 8
CASES: Final[dict[str, tuple[tuple[float, ...], tuple[int, ...]]]] = {
    "2 equal groups of 200": ((0.3, 0.3), (200, 200)),
    "2 groups of 2,000 and 60, 10 pp apart": ((0.3, 0.2), (2_000, 60)),
    "5 equal groups of 200": ((0.3,) * 5, (200,) * 5),
    "5 groups of 200, one 10 pp lower": ((0.3, 0.3, 0.3, 0.3, 0.2), (200,) * 5),
    "10 equal groups of 100, 5 % selected": ((0.05,) * 10, (100,) * 10),
    "10 groups of 1,000, 30 to 39 %": (tuple(0.3 + 0.01 * at for at in range(10)), (1_000,) * 10),
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    runs = 300 if parser.parse_args().quick else 10_000
    print(f"seed {SEED}, {runs:,} runs\n")
    rng, rows = np.random.default_rng(SEED), []
    for name, (rates, sizes) in CASES.items():
        rows.append((name, *_case(rates, sizes, runs, rng)))
    columns = ("groups", "true gap", "held", "mean width", "begins above 0", "unadjusted: held")
    print(Table("Intervals of the widest gap (95 %)", columns, rows))


def _case(
    rates: tuple[float, ...], sizes: tuple[int, ...], runs: int, rng: Generator
) -> tuple[str, ...]:
    truth = max(rates) - min(rates)
    hits = rng.binomial(sizes, rates, (runs, len(rates)))
    ours = [_found(gap([*zip(one.tolist(), sizes, strict=True)])) for one in hits]
    plain = [_found(_unadjusted(one.tolist(), sizes)) for one in hits]
    lows, highs = np.array(ours).T
    bare_lows, bare_highs = np.array(plain).T
    return (
        f"{100 * truth:.0f} pp",
        f"{((lows <= truth) & (truth <= highs)).mean():.1%}",
        f"{100 * np.mean(highs - lows):.1f} pp",
        f"{(lows > 0).mean():.1%}",
        f"{((bare_lows <= truth) & (truth <= bare_highs)).mean():.1%}",
    )


def _unadjusted(hits: list[int], sizes: tuple[int, ...]) -> Interval | None:
    shares = [one for pair in zip(hits, sizes, strict=True) if (one := proportion(*pair))]
    ordered = sorted(shares, key=lambda share: share.value)
    return difference(ordered[-1], ordered[0])


def _found(interval: Interval | None) -> tuple[float, float]:
    assert interval is not None  # noqa: S101 - all groups are large enough
    return interval.low or 0.0, interval.high or 0.0


if __name__ == "__main__":
    main()
