"""The mean loss that a version's baseline promises, under the terms of a release."""

import math
from dataclasses import dataclass

import numpy as np

from services.monitor.domain.deciding.terms import Terms
from services.monitor.domain.outcomes.baseline import Baseline
from services.monitor.domain.outcomes.facts import Answers
from services.monitor.domain.outcomes.losses import losses
from services.monitor.domain.statistics.intervals import FEWEST
from understudy.contracts.signature import Target


@dataclass(frozen=True, slots=True)
class ReferenceRisk:
    """In units of the terms' span, hence from 0 to 1."""

    mean: float
    error: float
    """Its standard error."""


def reference_risk(baseline: Baseline, target: Target, terms: Terms) -> ReferenceRisk | None:
    """None with fewer than `FEWEST` labelled answers."""
    asked = np.ones(baseline.rows, dtype=bool)
    answers = Answers(baseline.values, baseline.probabilities, asked)
    found = losses(answers, baseline.labels, target, terms)
    known = np.clip(found[np.isfinite(found)] / terms.span, 0.0, 1.0)
    if known.size < FEWEST:
        return None
    return ReferenceRisk(float(known.mean()), float(known.std(ddof=1)) / math.sqrt(known.size))
