"""How good the answers of each version are: over all, by day, matured rows only and whatever came.

Formula: `class_quality` and `number_quality` over the sums of tallies. A day is one of predictions,
in UTC, and matured when all of its cohorts are.
Assumes: labels that came speak for those that did not (see `coverage`).
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Final, Protocol

from services.monitor.domain.outcomes.class_quality import class_quality, quality_by_class
from services.monitor.domain.outcomes.number_quality import Errors, errors_of, number_quality
from services.monitor.domain.outcomes.readings import (
    CohortQuality,
    Metrics,
    QualityReading,
    QualityView,
)
from services.monitor.domain.outcomes.summing import Cohorts, Parts, by_version, classes_of
from services.monitor.domain.outcomes.tallies import ClassCounts, CohortId, CohortTally
from services.monitor.domain.outcomes.viewpoint import Viewpoint, moment

DAY: Final = 86_400


class Estimator(Protocol):
    """Says what quality is to be expected, without labels."""

    @property
    def assumes(self) -> str:
        """What must hold for the estimate to be right."""

    def estimate(self, classes: ClassCounts) -> Metrics:
        """Of all answered rows."""


Estimators = Mapping[int, Estimator]
"""By version; one without a baseline has none."""


def quality(view: Viewpoint, cohorts: Cohorts, estimators: Estimators) -> QualityView:
    """All of it."""
    matured = {cohort: tally for cohort, tally in cohorts.items() if view.matured(cohort)}
    return QualityView(
        deployment=view.deployment,
        release=view.release,
        at=moment(view.now),
        since=moment(view.since),
        matured=read_versions(view, matured, estimators),
        all_labelled=read_versions(view, cohorts, estimators),
        days=tuple(
            _read_day(view, start, of_day, estimators)
            for start, of_day in sorted(days_of(cohorts).items())
        ),
    )


def read_versions(
    view: Viewpoint, cohorts: Cohorts, estimators: Estimators
) -> tuple[QualityReading, ...]:
    """Every version on its rows of the cohorts, the main first."""
    found = by_version(cohorts)
    order = sorted(found, key=lambda version: (version != view.main, version))
    return tuple(
        read_version(view, version, found[version], estimators.get(version)) for version in order
    )


def read_version(
    view: Viewpoint, version: int, parts: Parts, estimator: Estimator | None
) -> QualityReading:
    """One version. Numbers counted under terms that nobody knows any more are left out."""
    classes = classes_of(parts.values())
    by_class = {} if classes is None else quality_by_class(classes, view.target)
    estimated = _estimated(classes, estimator)
    return QualityReading(
        version=version,
        role=view.role(version),
        rows=sum(part.rows for part in parts.values()),
        labelled=sum(part.losses.rows for part in parts.values()),
        metrics=number_quality(_errors(view, parts)) if classes is None else class_quality(classes),
        by_class={name: metrics for name, metrics in by_class.items() if metrics},
        estimated=estimated,
        estimated_assumes=estimator.assumes if estimator is not None and estimated else None,
    )


def days_of(cohorts: Cohorts) -> Mapping[int, Cohorts]:
    """By the second at which the day begins."""
    found: dict[int, dict[CohortId, CohortTally]] = defaultdict(dict)
    for cohort, tally in cohorts.items():
        found[cohort.start // DAY * DAY][cohort] = tally
    return dict(found)


def _read_day(
    view: Viewpoint, start: int, cohorts: Cohorts, estimators: Estimators
) -> CohortQuality:
    return CohortQuality(
        begins=moment(start),
        ends=moment(start + DAY),
        matured=start + DAY <= view.terms.matured_until(view.now),
        versions=read_versions(view, cohorts, estimators),
    )


def _estimated(classes: ClassCounts | None, estimator: Estimator | None) -> Metrics:
    return {} if classes is None or estimator is None else estimator.estimate(classes)


def _errors(view: Viewpoint, parts: Parts) -> Errors:
    total = Errors(0)
    for fingerprint, part in parts.items():
        scale = view.scale(fingerprint)
        if part.numbers is not None and scale is not None:
            total += errors_of(part.numbers, part.losses.rows, scale)
    return total
