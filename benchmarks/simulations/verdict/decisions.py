"""Equal and better challengers, by our rule and by those of others, looked at every 50 labels."""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.random import Generator

from benchmarks.simulations.verdict import others
from benchmarks.simulations.verdict.classifiers import Rivals, Rows, better_by, equals
from benchmarks.simulations.verdict.tables import Scale, Table, median, share
from benchmarks.simulations.verdict.wealth import places_of, reached
from services.monitor.domain.deciding.comparison import thresholds
from understudy.profiles.arrays import Floats

ALPHA: Final = 0.05
BRIER_CLIP: Final = 0.5

Rule = Callable[[Rows], others.Called]

RULES: Final[dict[str, Rule]] = {
    "betting, Brier (default)": lambda rows: betting(rows.brier(), BRIER_CLIP),
    "betting, zero-one": lambda rows: betting(rows.zero_one(), 1.0),
    "threshold, Brier": lambda rows: others.threshold(rows.brier()),
    "t-test at each look, Brier": lambda rows: others.t_test(rows.brier()),
    "t-test, Bonferroni over looks, Brier": lambda rows: others.bonferroni(rows.brier()),
    "threshold, accuracy": lambda rows: others.threshold(rows.zero_one()),
    "t-test at each look, accuracy": lambda rows: others.t_test(rows.zero_one()),
    "t-test, Bonferroni over looks, accuracy": lambda rows: others.bonferroni(rows.zero_one()),
}


def betting(differences: Floats, clip: float, challengers: int = 1) -> others.Called:
    """Our rule, without equivalence."""
    found = reached(places_of(differences, clip), None, thresholds(ALPHA, challengers))
    return others.Called(found.better, found.worse)


def equal_models(scale: Scale, rng: Generator) -> Table:
    """Equal models: whoever promotes or rejects is wrong."""
    called = _ask(equals(), scale, rng)
    rows = [_row(name, one) for name, one in called.items()]
    rows += [_three(scale, rng), _skewed(scale, rng)]
    columns = ("rule", "promoted", "rejected", "wrong")
    return Table(f"Equal models, up to {scale.labels:,} labels", columns, rows)


def better_models(scale: Scale, rng: Generator) -> Table:
    """A challenger that is better by one and by two points of accuracy."""
    found = [_ask(better_by(gain), scale, rng) for gain in (0.01, 0.02)]
    rows = [
        (name, *(told for called in found for told in _power(called[name], scale.labels)))
        for name in RULES
    ]
    head = ("promoted", "rejected", "median labels")
    columns = ["rule", *(f"{gain}: {name}" for gain in ("+1 pp", "+2 pp") for name in head)]
    return Table(f"Better challengers, up to {scale.labels:,} labels", columns, rows)


def _ask(rivals: Rivals, scale: Scale, rng: Generator) -> dict[str, others.Called]:
    found: dict[str, list[others.Called]] = {name: [] for name in RULES}
    for runs in scale.pieces:
        rows = rivals.rows(rng, runs, scale.labels)
        for name, rule in RULES.items():
            found[name].append(rule(rows))
    return {name: _joined(parts) for name, parts in found.items()}


def _three(scale: Scale, rng: Generator) -> tuple[str, ...]:
    """Any of three challengers, each as good as the main."""
    found = []
    for runs in scale.pieces:
        rows = equals(challengers=3).rows(rng, runs, scale.labels)
        called = [betting(rows.brier(which), BRIER_CLIP, 3) for which in range(3)]
        better = np.min([one.better for one in called], axis=0)
        found.append(others.Called(better, np.min([one.worse for one in called], axis=0)))
    return _row("betting, Brier, any of 3 challengers", _joined(found))


def _skewed(scale: Scale, rng: Generator) -> tuple[str, ...]:
    """A little better in nine rows of ten, much worse in the tenth: equal in the mean."""
    found = []
    for runs in scale.pieces:
        rare = rng.random((runs, scale.labels)) < 0.1
        found.append(betting(np.where(rare, -0.18, 0.02), BRIER_CLIP))
    return _row("betting, a skewed difference with mean 0", _joined(found))


def _row(name: str, called: others.Called) -> tuple[str, ...]:
    either = np.minimum(called.better, called.worse)
    return (name, share(called.better), share(called.worse), share(either))


def _power(called: others.Called, labels: int) -> tuple[str, ...]:
    return share(called.better), share(called.worse), median(called.better, labels)


def _joined(parts: list[others.Called]) -> others.Called:
    better, worse = ([p.better for p in parts], [p.worse for p in parts])
    return others.Called(np.concatenate(better), np.concatenate(worse))
