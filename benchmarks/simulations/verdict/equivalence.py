"""When two versions are called as good as each other, and how often that is wrong."""

import math
from typing import Final

import numpy as np
from numpy.random import Generator

from benchmarks.simulations.verdict.classifiers import Rivals, better_by, equals
from benchmarks.simulations.verdict.decisions import ALPHA
from benchmarks.simulations.verdict.tables import Scale, Table, median, share
from benchmarks.simulations.verdict.wealth import Reached, places_of, reached
from services.monitor.domain.deciding.comparison import thresholds
from understudy.profiles.arrays import Floats

MARGINS: Final = (50, 100)
"""Margins as parts of the clip."""
LOSSES: Final = {"Brier": 0.5, "zero-one": 1.0}
"""With their clips."""


def equivalence(scale: Scale, rng: Generator) -> Table:
    """Equal models; a true difference of just the margin; +1 pp, where both may be true."""
    rows, scale = [], scale.fewer(4)
    for loss, clip in LOSSES.items():
        for part in MARGINS:
            equal = _ask(equals(), scale, rng, (loss, clip, 1 / part))
            at_margin = _ask(equals(), scale, rng, (loss, clip, 1 / part), shift=clip / part)
            better = _ask(better_by(0.01), scale, rng, (loss, clip, 1 / part))
            rows.append(
                (
                    f"{loss}, clip/{part} = {clip / part:g}",
                    share(equal.equivalent),
                    median(equal.equivalent, scale.labels),
                    share(at_margin.equivalent),
                    share(np.where(better.equivalent < better.better, 1.0, math.inf)),
                    median(better.better, scale.labels),
                )
            )
    columns = (
        *("margin", "equal: certified", "median labels", "at the margin: wrongly certified"),
        *("+1 pp: equivalent before better", "better: median labels"),
    )
    title = f"As good as the main, up to {scale.labels:,} labels, {scale.runs:,} runs"
    return Table(title, columns, rows)


def _ask(
    rivals: Rivals,
    scale: Scale,
    rng: Generator,
    terms: tuple[str, float, float],
    shift: float = 0.0,
) -> Reached:
    loss, clip, margin = terms
    parts = []
    for runs in scale.pieces:
        rows = rivals.rows(rng, runs, scale.labels)
        differences = rows.brier() if loss == "Brier" else rows.zero_one()
        shifted = _shifted(differences, shift, clip, rng)
        parts.append(reached(places_of(shifted, clip), margin, thresholds(ALPHA, 1)))
    better, worse, same = zip(*((p.better, p.worse, p.equivalent) for p in parts), strict=True)
    return Reached(np.concatenate(better), np.concatenate(worse), np.concatenate(same))


def _shifted(differences: Floats, shift: float, clip: float, rng: Generator) -> Floats:
    """A share of rows without any difference gets a whole clip, so that the mean is `shift`."""
    if not shift:
        return differences
    same = np.abs(differences) < clip / 50
    chosen = rng.random(differences.shape) < shift / clip / float(same.mean())
    return np.where(same & chosen, differences + clip, differences)
