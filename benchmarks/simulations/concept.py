"""Concept drift: how often the risk detector, the lasting gap and ADWIN alarm, and how soon.

`python -m benchmarks.simulations.concept [--quick]`. A calibrated classifier with a baseline of
5,000 rows; an hour of 100 labelled rows at a time; a look after every other hour. In a row of the
table the meaning, or the mix of rows, changes after 200 hours.
"""

import argparse
import math
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator

from benchmarks.simulations.verdict.tables import Table
from services.monitor.adapters.adwin import Adwin
from services.monitor.domain.deciding.terms import resolve
from services.monitor.domain.outcomes.baseline import Baseline, score_bins
from services.monitor.domain.outcomes.concept import GAP_TOLERANCE, LIMIT, threshold
from services.monitor.domain.outcomes.estimating import Expectation, expect
from services.monitor.domain.outcomes.facts import Losses
from services.monitor.domain.outcomes.reference_risk import ReferenceRisk, reference_risk
from services.monitor.domain.statistics.rising import departing, rising
from services.monitor.domain.statistics.spectrum import Spectrum, spectrum
from understudy.contracts.judging import ComparisonTerms
from understudy.contracts.signature import Target
from understudy.contracts.vocabulary import BaselineSample, Task
from understudy.profiles.arrays import Counts, Floats

SEED: Final = 9
ROWS: Final = 100
BEFORE: Final = 200
BASELINE_ROWS: Final = 5_000
TARGET: Final = Target("bad", Task.CLASSIFICATION, classes=(0, 1))
TERMS: Final = resolve(ComparisonTerms(), TARGET, None)
TOLERANCE: Final = 0.05


@dataclass(frozen=True, slots=True)
class Change:
    """What the world becomes."""

    flipped: float = 0.0
    """Share of labels that turn round."""
    moved: float = 0.0
    """Rows get so many standard deviations more positive: another mix, the same meaning."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Scored labelled rows."""

    chances: Floats
    labels: Floats

    @property
    def losses(self) -> Floats:
        """Brier."""
        return (self.chances - self.labels) ** 2

    @property
    def wrong(self) -> Floats:
        """Where the more likely class was not the true one."""
        return np.asarray((self.chances > 0.5) != (self.labels > 0.5), dtype=float)


CHANGES: Final[dict[str, Change]] = {
    "none": Change(),
    "5 % of labels turn round": Change(flipped=0.05),
    "10 % turn round": Change(flipped=0.1),
    "20 % turn round": Change(flipped=0.2),
    "40 % turn round": Change(flipped=0.4),
    "only another mix of rows (2σ)": Change(moved=2.0),
}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    runs, hours = (2, 220) if quick else (20, 260)
    print(f"seed {SEED}, {runs} runs of {hours} hours of {ROWS} labels\n")
    rows = []
    for name, change in CHANGES.items():
        rngs = [np.random.default_rng(one) for one in np.random.SeedSequence(SEED).spawn(runs)]
        found = [run(change, hours, rng) for rng in rngs]
        rows.append((name, *_told(np.array(found))))
    columns = ("after 200 hours", *(f"{rule}: {what}" for rule in RULES for what in SAID))
    print(Table("Alarms, and labels until them", columns, rows))
    print(f"ADWIN: {adwin_cost()}")


RULES: Final = ("risk", "lasting gap", "ADWIN")
SAID: Final = ("false", "found", "median labels")


def run(change: Change, hours: int, rng: Generator) -> tuple[float, float, float]:
    """The hour at which each rule first alarmed; infinite where none did."""
    known = draw(rng, BASELINE_ROWS, Change())
    baseline = _baseline(known)
    risk, expected = reference_risk(baseline, TARGET, TERMS), expect(baseline)
    assert risk is not None and expected is not None  # noqa: S101, PT018 - there are labels
    live = [draw(rng, ROWS, change if hour >= BEFORE else Change()) for hour in range(hours)]
    return (
        _first(hours, _risen([spectrum(rows.losses) for rows in live], risk)),
        _first(hours, _departed(live, expected)),
        _adwin(np.concatenate([rows.losses for rows in live])),
    )


def draw(rng: Generator, rows: int, change: Change) -> Rows:
    """Rows that the model knows well, until their meaning changes."""
    chances = 1 / (1 + np.exp(-rng.normal(change.moved - 1.0, 2.0, rows)))
    labels = rng.random(rows) < chances
    turned = rng.random(rows) < change.flipped
    return Rows(chances, np.asarray(labels ^ turned, dtype=float))


def adwin_cost() -> str:
    """Of importing it, and of a look at 20,000 losses."""
    code = (
        "import resource, time, numpy\n"
        "from services.monitor.domain.outcomes.facts import Losses\n"
        "size = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
        "before, began = size(), time.process_time()\n"
        "from {module} import {name}\n"
        "spent = 1000 * (time.process_time() - began)\n"
        "print(f'{{spent:.0f}} ms, {{size() - before:.0f}} MB', end='')"
    )
    ours = code.format(module="services.monitor.adapters.adwin", name="Adwin")
    public = code.format(module="river.drift", name="ADWIN")
    told = [
        subprocess.run(
            [sys.executable, "-c", one], capture_output=True, text=True, check=True
        ).stdout
        for one in (ours, public)
    ]
    losses = np.random.default_rng(SEED).random(20_000)
    began = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    Adwin().last_change(Losses(np.arange(20_000.0), losses))
    spent = resource.getrusage(resource.RUSAGE_SELF).ru_utime - began
    return (
        f"import {told[0]} (river.drift: {told[1]}); a look at 20,000 losses {1000 * spent:.0f} ms"
    )


def _risen(blocks: list[Spectrum], risk: ReferenceRisk) -> Callable[[int], bool]:
    bound = risk.bound + TOLERANCE

    def alarmed(hours: int) -> bool:
        found = rising(np.arange(hours), blocks[:hours], bound)
        return found is not None and found.log_evidence >= threshold(TERMS)

    return alarmed


def _departed(live: list[Rows], expected: Expectation) -> Callable[[int], bool]:
    scores = np.array([_scores(rows) for rows in live])
    wrong = np.array([int(rows.wrong.sum()) for rows in live])
    hoped = np.array([expected.errors(one) for one in scores])

    def alarmed(hours: int) -> bool:
        error = expected.error_of_errors(scores[:hours].sum(axis=0)) / (hours * ROWS)
        asked, tolerance = np.full(hours, ROWS), GAP_TOLERANCE + LIMIT * error
        found = departing(np.arange(hours), wrong[:hours], asked, hoped[:hours], tolerance)
        return found is not None and found.log_evidence >= threshold(TERMS)

    return alarmed


def _first(hours: int, alarmed: Callable[[int], bool]) -> float:
    """A look every other hour after the change; before, every tenth."""
    looks = [*range(10, BEFORE + 1, 10), *range(BEFORE + 1, hours + 1, 2)]
    return next((float(hour) for hour in looks if alarmed(hour)), math.inf)


def _adwin(losses: Floats) -> float:
    """The hour in which it first cut: a look at every row."""
    low, high = 0, losses.size
    if Adwin().last_change(Losses(np.arange(losses.size * 1.0), losses)) is None:
        return math.inf
    while high - low > 1:  # once it has cut, it remembers
        middle = (low + high) // 2
        seen = Losses(np.arange(middle * 1.0), losses[:middle])
        low, high = (low, middle) if Adwin().last_change(seen) is not None else (middle, high)
    return high / ROWS


def _scores(rows: Rows) -> Counts:
    cells = (rows.chances > 0.5) * 100 + score_bins(rows.chances)
    return np.bincount(cells, minlength=200).reshape(2, 100)


def _baseline(rows: Rows) -> Baseline:
    both = np.column_stack([1 - rows.chances, rows.chances])
    values = np.asarray(rows.chances > 0.5, dtype=float)
    return Baseline(BaselineSample.EVALUATION, values, both, rows.labels, 2)


def _told(hours: Floats) -> list[str]:
    cells = []
    for rule in hours.T:
        early, later = rule <= BEFORE, rule[rule > BEFORE]
        delay = float(np.median(later - BEFORE)) * ROWS if later.size else math.inf
        cells += [
            f"{early.mean():.0%}",
            f"{(np.isfinite(rule) & ~early).mean():.0%}",
            f"{delay:,.0f}" if math.isfinite(delay) else "–",
        ]
    return cells


if __name__ == "__main__":
    main()
