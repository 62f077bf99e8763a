"""How often a review's findings about groups are wrong, and how often they find what is there.

`python -m benchmarks.simulations.review_groups [--quick]`. Groups that are answered alike or not,
and features that tell groups apart or do not.
"""

import argparse
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

import numpy as np
from numpy.random import Generator
from scipy.stats import norm

from benchmarks.simulations.verdict.tables import Table
from services.registry.adapters.reviewing.fairness_figures import Figures, Share, gaps
from services.registry.adapters.reviewing.fairness_groups import Groups
from services.registry.adapters.reviewing.fairness_telling import told_by_category, told_by_number
from services.registry.domain.findings.groups import proxy, unfair
from understudy.contracts.reviews import (
    AttributeFairness,
    Data,
    Estimate,
    Explanations,
    Finding,
    GroupFigures,
    Importance,
    ProxyStrength,
    Review,
)
from understudy.contracts.vocabulary import Severity, Task

SEED: Final = 7
BASE: Final = 0.3
"""Share of positive labels in every group."""
RECALL: Final = 0.6
FALLOUT: Final = 0.4
"""High enough that 10 percentage points more leave four fifths intact."""
EXTRA: Final = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3)
"""By how much both rates of the first group, and so its selection rate, are higher."""
SIZES: Final[dict[str, tuple[int, ...]]] = {
    "2 of 200": (200,) * 2,
    "2 of 1,000": (1_000,) * 2,
    "2 of 100 and 5,000": (100, 5_000),
    "5 of 200": (200,) * 5,
    "5 of 1,000": (1_000,) * 5,
    "10 of 500": (500,) * 10,
}
AREAS: Final = (0.5, 0.7, 0.75, 0.8, 0.9)
FEATURES: Final = 5
"""Of which one tells the groups; the others tell nothing."""


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    runs = 40 if parser.parse_args().quick else 1_000
    print(f"seed {SEED}, {runs:,} runs\n")
    rng = np.random.default_rng(SEED)
    rows = [
        (name, *(f"{_unfair(sizes, extra, runs, rng):.1%}" for extra in EXTRA))
        for name, sizes in SIZES.items()
    ]
    columns = ("groups", *(f"{100 * extra:.0f} pp" for extra in EXTRA))
    print(Table("unfair warns: one group's rates are higher by (threshold 10 pp)", columns, rows))
    for kind in ("number", "category"):
        rows = [
            (f"{groups} of {size:,}", *(_proxies(kind, groups, size, runs, rng)))
            for groups, size in ((2, 50), (2, 500), (5, 100), (5, 500))
        ]
        columns = ("groups", *(f"AUC {area}" for area in AREAS))
        title = f"proxy warns: one {kind} of {FEATURES} features tells one group (threshold 0.75)"
        print(Table(title, columns, rows))


def _unfair(sizes: tuple[int, ...], extra: float, runs: int, rng: Generator) -> float:
    more = np.array([extra] + [0.0] * (len(sizes) - 1))
    warned = 0
    for _ in range(runs):
        positive = rng.binomial(sizes, BASE)
        negative = np.array(sizes) - positive
        true = rng.binomial(positive, RECALL + more)
        false = rng.binomial(negative, FALLOUT + more)
        figures: list[Figures] = [
            {
                "selection_rate": Share(int(true[at] + false[at]), rows),
                "true_positive_rate": Share(int(true[at]), int(positive[at])),
                "false_positive_rate": Share(int(false[at]), int(negative[at])),
                "accuracy": Share(int(true[at] + negative[at] - false[at]), rows),
            }
            for at, rows in enumerate(sizes)
        ]
        warned += _warns(unfair(_held(sizes, figures)))
    return warned / runs


def _held(sizes: tuple[int, ...], figures: list[Figures]) -> AttributeFairness:
    names = tuple(f"group {at}" for at in range(len(sizes)))
    told = [
        {name: found for name, share in of.items() if (found := share.estimate()) is not None}
        for of in figures
    ]
    groups = [
        GroupFigures(name, rows, suppressed=False, figures=of)
        for name, rows, of in zip(names, sizes, told, strict=True)
    ]
    return AttributeFairness("sex", tuple(groups), tuple(gaps(names, figures)))


def _proxies(kind: str, many: int, size: int, runs: int, rng: Generator) -> list[str]:
    codes = np.repeat(np.arange(many), size)
    groups = Groups(tuple(f"group {at}" for at in range(many)), codes)
    shares = []
    for area in AREAS:
        warned = 0
        for _ in range(runs):
            shift = np.sqrt(2.0) * norm.ppf(area) * (codes == 0)
            values = rng.normal(size=(FEATURES, codes.size))
            values[0] += shift
            if kind == "number":
                found = [told_by_number(column, groups) for column in values]
            else:
                folds = rng.permutation(codes.size) % 10
                cut = np.clip(((values + 2.5) * 6).astype(np.intp), 0, 35)
                found = [told_by_category(column, groups, folds) for column in cut]
            warned += _warns(proxy(_told(found), REVIEW))
        shares.append(f"{warned / runs:.1%}")
    return shares


def _told(found: list[Estimate]) -> AttributeFairness:
    strengths = tuple(ProxyStrength(f"x{at}", score) for at, score in enumerate(found))
    return AttributeFairness("sex", (), (), strengths)


def _warns(found: Iterable[Finding]) -> bool:
    return any(one.severity is Severity.WARN for one in found)


REVIEW: Final = Review(
    model="credit",
    version=1,
    task=Task.CLASSIFICATION,
    made_at=datetime(2026, 3, 1, tzinfo=UTC),
    seconds=0.0,
    seed=SEED,
    artifact="a" * 64,
    data=Data((), (), ()),
    findings=(),
    explanations=Explanations(
        tuple(Importance(f"x{at}", Estimate(0.1, 0.09, 0.11), 0.1) for at in range(FEATURES))
    ),
)
"""Every feature matters to the answers."""


if __name__ == "__main__":
    main()
