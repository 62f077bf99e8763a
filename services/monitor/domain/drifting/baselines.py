"""How a version answered its baseline, counted as its live answers are."""

from dataclasses import dataclass

import numpy as np

from services.monitor.domain.outcomes.baseline import Baseline
from understudy.profiles.arrays import Counts, Floats
from understudy.profiles.reference import OutputProfile
from understudy.profiles.seasons import HOURS, hours_of_week
from understudy.profiles.stability import Places, design_effect


@dataclass(frozen=True, slots=True, eq=False)
class OutputBaseline:
    """Counts on the bins of live scores, and of classes in the signature's order."""

    scores: Counts
    """(strata, bins): by hour of the week, or one stratum where the baseline has no times."""
    classes: Counts
    """(strata, classes)."""
    scores_effect: float
    classes_effect: float

    @property
    def timed(self) -> bool:
        """Whether counts are by hour of the week."""
        return len(self.scores) == HOURS


def output_baseline(baseline: Baseline, profile: OutputProfile) -> OutputBaseline:
    """Count answers; those that are none are left out. In the order of time where there is one."""
    order = np.arange(baseline.rows) if baseline.at is None else np.argsort(baseline.at)
    at = None if baseline.at is None else baseline.at[order]
    values, outputs = baseline.values[order], baseline.outputs[order]
    classes = np.where(np.isfinite(values), values, -1).astype(np.intp)
    if not baseline.classes:
        classes = np.full(baseline.rows, -1)
    scores = _score_places(profile.edges, outputs)
    bins = 0 if profile.edges is None else profile.edges.size - 1
    return OutputBaseline(
        scores=_by_hour(scores, bins, at),
        classes=_by_hour(classes, baseline.classes, at),
        scores_effect=_effect(scores, at),
        classes_effect=_effect(classes, at),
    )


def _score_places(edges: Floats | None, outputs: Floats) -> Places:
    """As `open_counts` counts; -1 for what is no number."""
    if edges is None:
        return np.full(outputs.size, -1)
    found = np.searchsorted(edges[1:-1], outputs, side="right")
    return np.where(np.isfinite(outputs), found, -1)


def _by_hour(places: Places, width: int, at: Floats | None) -> Counts:
    good = places >= 0 if at is None else (places >= 0) & np.isfinite(at)
    strata = 1 if at is None else HOURS
    hours = 0 if at is None else hours_of_week(at[good])
    flat = np.bincount(hours * width + places[good], minlength=strata * width)
    return flat.reshape(strata, width)


def _effect(places: Places, at: Floats | None) -> float:
    good = places[places >= 0]
    return 1.0 if at is None or not good.size else design_effect(good)
