"""Categories that no sample holds all of: false alarms, and what is left to find.

One feature with Zipf's shares over many categories and one normal number; what the reference never
saw comes all the time. Beside it how often the limit of the unseen share is too low.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.simulations.drift.ours import first_alarm
from benchmarks.simulations.drift.streams import Columns
from services.monitor.domain.drifting.planning import Plan, Setup, plan_drift
from services.monitor.domain.statistics.shares import TOLERANCE, share_test
from understudy.contracts.judging import DriftTerms
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, Task
from understudy.profiles.arrays import Floats
from understudy.profiles.reference import build_reference

ROWS: Final = 30_000
RATE: Final = 50
CHANCE: Final = 1e-3
SIGNATURE: Final = Signature(
    features=(
        Feature("number_0", FeatureKind.NUMBER),
        Feature("category_0", FeatureKind.CATEGORY, open_choices=True),
    ),
    target=Target("bad", Task.CLASSIFICATION, classes=("no", "yes")),
)


@dataclass(frozen=True, slots=True)
class Names:
    """Zipf's shares: 1 / rank ** power."""

    categories: int
    power: float

    @property
    def shares(self) -> Floats:
        """The commonest first."""
        found = np.arange(1.0, self.categories + 1) ** -self.power
        return np.asarray(found / found.sum())

    def draw(self, rng: np.random.Generator, rows: int, fresh: float = 0.0) -> Columns:
        """Rows; a share of them has a category that never was."""
        names = np.array([f"name {at}" for at in range(self.categories)], dtype=object)
        found = names[rng.choice(self.categories, rows, p=self.shares)]
        found[rng.random(rows) < fresh] = "new"
        return {"number_0": rng.normal(size=rows), "category_0": list(found)}


CASES: Final = (
    (Names(20, 1.0), 5_000),
    (Names(200, 1.0), 500),
    (Names(200, 1.0), 5_000),
    (Names(1_000, 1.0), 5_000),
    (Names(5_000, 1.2), 5_000),
    (Names(5_000, 1.0), 500),
    (Names(5_000, 1.0), 5_000),
)


def categories(runs: int, seed: int, *, quick: bool) -> None:
    """One row for each number of categories and size of the reference."""
    count, rows = (2, 3_000) if quick else (max(10, runs // 5), ROWS)
    print(f"\n{count} streams x {rows} rows, no drift; then a new category in 5 % and 20 % of rows")
    print("| categories | reference | unseen | limit | too low | false | 5 % | 20 % |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for names, reference in CASES:
        unseen, limit, low = _limits(names, reference, 200 if quick else 10_000, seed)
        waits = [
            [_first(names, reference, rows, share, [seed, 6, n]) for n in range(count)]
            for share in (0.0, 0.05, 0.2)
        ]
        false = sum(np.isfinite(waits[0]))
        late = " | ".join(f"{statistics.median(found):.0f}" for found in waits[1:])
        print(
            f"| {names.categories}, Zipf {names.power} | {reference} | {unseen:.1%} | {limit:.1%} "
            f"| {low:.2%} | {false}/{count} | {late} |",
            flush=True,
        )


def _limits(names: Names, rows: int, draws: int, seed: int) -> tuple[float, float, float]:
    """Mean share of what a sample does not hold, its mean limit, and how often that is too low."""
    shares, rng = names.shares, np.random.default_rng([seed, 7])
    drawn = [rng.multinomial(rows, shares) for _ in range(draws)]
    unseen = np.array([shares[found == 0].sum() for found in drawn])
    once = np.array([[float((found == 1).sum())] for found in drawn])
    twins = np.array([[2.0 * float((found == 2).sum())] for found in drawn])
    limits = share_test(once, twins, np.full_like(once, rows), CHANCE).limits[:, 0]
    return float(unseen.mean()), float(limits.mean()) - TOLERANCE, float((unseen > limits).mean())


def _first(names: Names, reference: int, rows: int, fresh: float, seed: Sequence[int]) -> float:
    """Rows until the first alarm; infinite without one."""
    rng = np.random.default_rng(seed)
    found = _plan(names.draw(rng, reference))
    alarm = first_alarm(found, names.draw(rng, rows, fresh), RATE)
    return float("inf") if alarm is None else alarm.rows


def _plan(columns: Columns) -> Plan:
    reference = build_reference(SIGNATURE, columns, None)
    return plan_drift(Setup(reference, DriftTerms(), (), {}, {}))
