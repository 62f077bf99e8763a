"""How often the selection warning comes without a reason, and how soon with one.

`python -m benchmarks.simulations.selection [--quick]`. A look after every hour of 200 answers, for
30 days; the evidence reads matured hours. Beside it a chi-square test at 1 % at every look.
"""

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator
from scipy.stats import chi2_contingency

from benchmarks.simulations.verdict.tables import Table
from services.monitor.domain.outcomes.selection import ALPHA
from services.monitor.domain.statistics.selection import (
    bands,
    in_bands,
    log_mean,
    log_selection_evidence,
)
from understudy.profiles.arrays import Counts, Floats

SEED: Final = 7
HOURS: Final = 720
ROWS: Final = 200
_PLACES: Final = 100

Chance = Callable[[Floats, Floats], Floats]
"""From scores and the hour to the chance of a label."""


@dataclass(frozen=True, slots=True)
class Ending:
    """At which hour each rule first warned; infinite where it never did."""

    ours: float
    chi_square: float


LABELLING: Final[dict[str, Chance]] = {
    "none, 30 % labelled": lambda score, _: np.full(score.size, 0.3),
    "none, share waves from 10 to 50 % over the day": lambda score, hour: np.full(
        score.size, 0.3 + 0.2 * math.sin(hour[0] * math.pi / 12)
    ),
    "none, 95 % labelled": lambda score, _: np.full(score.size, 0.95),
    "scores above 0.8: 36 instead of 30 %": lambda score, _: np.where(score > 0.8, 0.36, 0.3),
    "scores above 0.8: 60 instead of 30 %": lambda score, _: np.where(score > 0.8, 0.6, 0.3),
    "rising with the score from 25 to 35 %": lambda score, _: 0.25 + 0.1 * score,
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    runs = 20 if parser.parse_args().quick else 400
    print(f"seed {SEED}, {runs:,} runs of {HOURS} hours of {ROWS} answers, a look every 6 hours\n")
    rows = []
    for (name, chance), child in zip(
        LABELLING.items(), np.random.SeedSequence(SEED).spawn(len(LABELLING)), strict=True
    ):
        found = [run(chance, np.random.default_rng(one)) for one in child.spawn(runs)]
        rows.append((name, *_told([one.ours for one in found], [o.chi_square for o in found])))
    columns = ("labelling by score", "warned", "median answers", "χ² at every look", "its median")
    print(Table("Selection warning (α = 1 %)", columns, rows))


def run(chance: Chance, rng: Generator) -> Ending:
    """One deployment for a month."""
    score = rng.beta(0.8, 2.0, (HOURS, ROWS))
    labelled = np.array(
        [rng.random(ROWS) < chance(one, np.array([hour])) for hour, one in enumerate(score)]
    )
    places = (score * _PLACES).astype(np.intp)
    everybody = _histograms(places, np.ones_like(labelled))
    cuts = bands(everybody[:5].sum(axis=0), 10)
    answered, found = in_bands(everybody, cuts), in_bands(_histograms(places, labelled), cuts)
    ours = chi = math.inf
    for hour in range(6, HOURS + 1, 6):
        if ours == math.inf and _evidence(answered[:hour], found[:hour]) >= -math.log(ALPHA):
            ours = hour
        if chi == math.inf and _significant(answered[:hour], found[:hour]):
            chi = hour
    return Ending(ours, chi)


def _evidence(answered: Counts, labelled: Counts) -> float:
    return float(log_mean(log_selection_evidence(answered, labelled)))


def _significant(answered: Counts, labelled: Counts) -> bool:
    with_label = labelled.sum(axis=0)
    table = np.array([with_label, answered.sum(axis=0) - with_label])
    return bool((table.sum(axis=1) > 0).all() and chi2_contingency(table).pvalue < ALPHA)


def _histograms(places: Counts, kept: Floats) -> Counts:
    pairs = zip(places, kept.astype(bool), strict=True)
    return np.array([np.bincount(at[yes], minlength=_PLACES) for at, yes in pairs])


def _told(ours: list[float], chi: list[float]) -> tuple[str, ...]:
    return (_share(ours), _median(ours), _share(chi), _median(chi))


def _share(hours: list[float]) -> str:
    return f"{np.mean(np.isfinite(hours)):.1%}"


def _median(hours: list[float]) -> str:
    found = float(np.median(hours))
    return f"{found * ROWS:,.0f}" if math.isfinite(found) else "–"


if __name__ == "__main__":
    main()
