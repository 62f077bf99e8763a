"""Labels that come in an order of their own: what the maturity gate is for, and what it can't do.

Main and challenger have the same mean loss, but the challenger leans to the positive class: better
where the label is positive, worse where it is negative. Positives are labelled within an hour,
negatives within a day.
"""

from typing import Final

import numpy as np
from numpy.random import Generator

from benchmarks.simulations.verdict.classifiers import sigmoid
from benchmarks.simulations.verdict.decisions import BRIER_CLIP, betting
from benchmarks.simulations.verdict.tables import Scale, Table, share
from understudy.profiles.arrays import Floats

ROWS_AN_HOUR: Final = 200
LEAN: Final = 0.35
SPREAD: Final = 2.0
UNLABELLED: Final = 0.5


def biased_arrival(scale: Scale, rng: Generator) -> Table:
    """In the order of arrival; by matured cohorts; and with labels that never come."""
    found: dict[str, list[Floats]] = {"arrival": [], "gate": [], "selected": []}
    for runs in scale.pieces:
        differences, positive = _rows(rng, runs, scale.labels)
        kept = _kept(positive, rng)
        found["arrival"].append(_wrong(_as_they_come(differences, positive, rng)))
        found["gate"].append(_wrong(differences))
        found["selected"].append(_wrong(_only(differences, kept)))
    said = (
        ("in the order of arrival, no gate", "arrival"),
        ("maturity gate (default)", "gate"),
        (f"gate, {UNLABELLED:.0%} of negatives never labelled", "selected"),
    )
    rows = [(name, share(np.concatenate(found[key]))) for name, key in said]
    title = f"Positives labelled first, equal models, up to {scale.labels:,} labels"
    return Table(title, ("labels used", "wrong"), rows)


def _rows(rng: Generator, runs: int, labels: int) -> tuple[Floats, Floats]:
    """Differences of losses in the order of prediction, and which rows are positive."""
    z = rng.normal(0.0, SPREAD, (runs, labels))
    truth = (rng.random(z.shape) < sigmoid(z)).astype(float)
    main, challenger = sigmoid(z - LEAN), sigmoid(z + LEAN)
    return (main - truth) ** 2 - (challenger - truth) ** 2, truth


def _as_they_come(differences: Floats, positive: Floats, rng: Generator) -> Floats:
    """The same rows sorted by when their labels came."""
    hours = np.arange(differences.shape[1]) / ROWS_AN_HOUR
    delay = rng.random(differences.shape) * np.where(positive > 0.5, 1.0, 24.0)
    order = np.argsort(hours + delay, axis=1)
    return np.take_along_axis(differences, order, axis=1)


def _kept(positive: Floats, rng: Generator) -> Floats:
    return np.where(positive > 0.5, 1.0, rng.random(positive.shape) >= UNLABELLED)


def _only(differences: Floats, kept: Floats) -> Floats:
    """Labelled rows moved to the front, as many of each run as all runs have."""
    most = int(kept.sum(axis=1).min())
    order = np.argsort(1.0 - kept, axis=1, kind="stable")[:, :most]
    return np.take_along_axis(differences, order, axis=1)


def _wrong(differences: Floats) -> Floats:
    called = betting(differences, BRIER_CLIP)
    return np.minimum(called.better, called.worse)
