"""The mean loss that a version's baseline promises, under the terms of a release.

Formula and source: see `statistics.bounds`.
Guarantee: the version's mean loss on rows like the baseline's is above `bound` with a chance of at
most `RISK`, however few rows there are.
Assumes: the version was not trained on these rows; a baseline that may be of training rows promises
nothing, since a forest knows those by heart.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from services.monitor.domain.deciding.terms import Terms
from services.monitor.domain.outcomes.baseline import Baseline
from services.monitor.domain.outcomes.facts import Answers
from services.monitor.domain.outcomes.losses import losses
from services.monitor.domain.statistics.bounds import upper_bound
from services.monitor.domain.statistics.intervals import FEWEST
from understudy.contracts.signature import Target

RISK: Final = 1e-3
_GRID: Final = 4_096


@dataclass(frozen=True, slots=True)
class ReferenceRisk:
    """In units of the terms' span, hence from 0 to 1."""

    mean: float
    bound: float
    """What the version's mean loss is below, but for `RISK`."""


def reference_risk(baseline: Baseline, target: Target, terms: Terms) -> ReferenceRisk | None:
    """None with fewer than `FEWEST` labelled answers, or where they may be to training rows."""
    if baseline.optimistic:
        return None
    asked = np.ones(baseline.rows, dtype=bool)
    answers = Answers(baseline.values, baseline.probabilities, asked)
    found = losses(answers, baseline.labels, target, terms)
    known = np.clip(found[np.isfinite(found)] / terms.span, 0.0, 1.0)
    if known.size < FEWEST:
        return None
    return ReferenceRisk(float(known.mean()), upper_bound(known, RISK, _GRID))
