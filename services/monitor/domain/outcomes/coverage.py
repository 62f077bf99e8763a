"""How many answers have labels, which, how long those took, and what labels look like.

Formula: coverage = labelled / answered rows; the quantiles of the lag are interpolated within the
buckets of its histogram (the last bucket is open: a quantile in it is shown as its lower edge).
The variance of labels is by n.
Guarantee: none beyond arithmetic; whether labelling looks at the score is `selection`'s question.
Assumes: nothing. Days and classes are of the main's answers; a day is one of predictions, in UTC.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate

from services.monitor.domain.outcomes.facts import Standing
from services.monitor.domain.outcomes.quality import days_of
from services.monitor.domain.outcomes.readings import CoverageReading, CoverageView
from services.monitor.domain.outcomes.selection import select
from services.monitor.domain.outcomes.summing import Cohorts, by_version, classes_of
from services.monitor.domain.outcomes.tallies import (
    FIXED_POINT,
    LAG_EDGES_SECONDS,
    ClassCounts,
    VersionTally,
)
from services.monitor.domain.outcomes.viewpoint import Viewpoint, moment
from understudy.contracts.vocabulary import Task, class_name
from understudy.profiles.arrays import Counts


def coverage(view: Viewpoint, cohorts: Cohorts, standing: Standing) -> CoverageView:
    """All of it."""
    found = None if view.target.task is Task.REGRESSION else select(_matured_scores(view, cohorts))
    mean, variance = _label_moments(view, cohorts)
    return CoverageView(
        deployment=view.deployment,
        at=moment(view.now),
        versions={
            str(version): read_coverage(parts.values())
            for version, parts in by_version(cohorts).items()
        },
        days={
            moment(start).date().isoformat(): read_coverage(_mains(of_day))
            for start, of_day in sorted(days_of(cohorts).items())
        },
        predicted_classes=_by_class(view, cohorts),
        score_deciles=() if found is None else found.deciles,
        score_edges=() if found is None else found.edges,
        parked=standing.parked,
        corrected=standing.corrected,
        duplicates=standing.duplicates,
        selection_warning=None if found is None else found.warning,
        label_mean=mean,
        label_variance=variance,
        label_shares=_label_shares(view, cohorts),
        refused=standing.refused,
        expired=standing.expired,
    )


def read_coverage(tallies: Iterable[VersionTally]) -> CoverageReading:
    """Of tallies together."""
    held = [*tallies]
    answered, labelled = sum(one.rows for one in held), sum(one.labelled for one in held)
    lag: Counts | None = sum(one.lag for one in held) if held else None  # type: ignore[assignment]
    return CoverageReading(
        answered=answered,
        labelled=labelled,
        coverage_ratio=labelled / answered if answered else None,
        lag_p50_seconds=None if lag is None else lag_quantile(lag, 0.5),
        lag_p95_seconds=None if lag is None else lag_quantile(lag, 0.95),
    )


def lag_quantile(lag: Counts, share: float) -> float | None:
    """Seconds; absent without labels."""
    counts: list[int] = lag.tolist()
    wanted, ends = share * sum(counts), [*accumulate(counts)]
    if not wanted:
        return None
    at = next(place for place, end in enumerate(ends) if end >= wanted)
    low = LAG_EDGES_SECONDS[at - 1] if at else 0.0
    if at == len(LAG_EDGES_SECONDS):
        return low
    inside = 1 - (ends[at] - wanted) / counts[at]
    return low + inside * (LAG_EDGES_SECONDS[at] - low)


def _mains(cohorts: Cohorts) -> list[VersionTally]:
    """What each cohort's main answered."""
    pairs = sorted(cohorts.items(), key=lambda item: item[0])
    found = (tally.versions.get(cohort.main) for cohort, tally in pairs)
    return [tally for tally in found if tally is not None]


def _matured_scores(view: Viewpoint, cohorts: Cohorts) -> Sequence[ClassCounts]:
    """Of the present main, in order: another one's scores mean something else."""
    matured = {
        cohort: tally
        for cohort, tally in cohorts.items()
        if cohort.main == view.main and view.matured(cohort)
    }
    return [tally.classes for tally in _mains(matured) if tally.classes is not None]


def _by_class(view: Viewpoint, cohorts: Cohorts) -> dict[str, CoverageReading]:
    counts = classes_of(_mains(cohorts))
    if counts is None:
        return {}
    pairs = zip(counts.answered.tolist(), counts.confusion.sum(axis=0).tolist(), strict=True)
    return {
        class_name(label): CoverageReading(n, a, a / n if n else None)
        for label, (n, a) in zip(view.target.classes, pairs, strict=True)
    }


def _label_shares(view: Viewpoint, cohorts: Cohorts) -> Mapping[str, float]:
    names = [class_name(label) for label in view.target.classes]
    counts = {name: sum(tally.labels.get(name, 0) for tally in cohorts.values()) for name in names}
    total = sum(counts.values())
    return {name: rows / total for name, rows in counts.items()} if total else {}


def _label_moments(view: Viewpoint, cohorts: Cohorts) -> tuple[float | None, float | None]:
    """Mean and variance of a regression's labels; of terms that are known."""
    if view.target.task is not Task.REGRESSION:
        return None, None
    rows, total, squares = 0, 0.0, 0.0
    for cohort, tally in cohorts.items():
        scale = view.scale(cohort.terms)
        if scale is not None:
            rows += tally.labels.get("n", 0)
            total += tally.labels.get("sum", 0) * scale / FIXED_POINT
            squares += tally.labels.get("squares", 0) * scale * scale / FIXED_POINT
    if not rows:
        return None, None
    mean = total / rows
    return mean, max(0.0, squares / rows - mean * mean)
