"""How good a version was on its baseline: what its live quality is held against.

Formula: `class_quality` and `number_quality` over the baseline's labelled rows, as of live ones.
Assumes: the version was not trained on these rows; a baseline that may be of training rows promises
nothing.
"""

import numpy as np

from services.monitor.domain.outcomes.baseline import Baseline
from services.monitor.domain.outcomes.class_counts import class_counts
from services.monitor.domain.outcomes.class_quality import class_quality
from services.monitor.domain.outcomes.facts import Answers
from services.monitor.domain.outcomes.number_quality import errors_of, number_quality
from services.monitor.domain.outcomes.number_sums import number_sums
from services.monitor.domain.outcomes.readings import Metrics


def promised_quality(baseline: Baseline, scale: float) -> Metrics:
    """By name; nothing of training rows, or without labels. `scale`: the target's deviation."""
    if baseline.optimistic:
        return {}
    if baseline.classes:
        asked = np.ones(baseline.rows, dtype=bool)
        answers = Answers(baseline.values, baseline.probabilities, asked)
        return class_quality(class_counts(answers, baseline.labels, baseline.classes))
    known = np.isfinite(baseline.values) & np.isfinite(baseline.labels)
    sums = number_sums(baseline.values[known], baseline.labels[known], scale)
    return number_quality(errors_of(sums, int(known.sum()), scale))
