"""What the monitor says of a window: figures for people and metrics, absent where there are none.

The HTTP bodies in `understudy.contracts.monitor` carry the same members.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from services.monitor.domain.accounting import Totals
from services.monitor.domain.deciding.judgement import Judgement
from services.monitor.domain.distributions import Distribution
from services.monitor.domain.drifting.telling import DriftReading
from services.monitor.domain.outcomes.readings import (
    CoverageReading,
    CoverageView,
    FairnessReading,
    FairnessView,
    PromisedQuality,
    QualityReading,
    QualityView,
)
from understudy.contracts.vocabulary import FeatureKind, Role
from understudy.profiles.moments import Moments

Reading = TypeVar("Reading", QualityReading, FairnessReading)


@dataclass(frozen=True, slots=True)
class FeatureReading:
    """One feature, live against its reference."""

    feature: str
    kind: FeatureKind
    drift_psi: float | None
    live: Moments
    reference: Moments
    missing_ratio: float | None
    unseen_ratio: float | None
    out_of_range_ratio: float | None
    bins: tuple[float | str, ...]
    live_counts: tuple[int, ...]
    reference_counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class VersionReading:
    """One version's answers and speed."""

    version: int
    role: Role
    rows: int
    errors: int
    drift_psi: float | None
    output: Moments
    classes: Mapping[str, int]
    latency_p50_seconds: float | None
    latency_p95_seconds: float | None
    latency_p99_seconds: float | None


@dataclass(frozen=True, slots=True)
class AgreementReading:
    """Main against one challenger on the same rows."""

    challenger: int
    rows: int
    agreement_ratio: float | None
    mean_absolute_difference: float | None


@dataclass(frozen=True, slots=True)
class TotalsReading:
    """Since the log began; keys are versions as text."""

    predictions: Mapping[str, int]
    pairs: Mapping[str, int]
    pair_errors: Mapping[str, int]
    labels: int


@dataclass(frozen=True, slots=True)
class Assessment:
    """Everything said of one deployment."""

    deployment: str
    release: int
    window_from: datetime
    window_to: datetime
    rows: int
    features: tuple[FeatureReading, ...]
    versions: tuple[VersionReading, ...]
    agreements: tuple[AgreementReading, ...]
    totals: TotalsReading


@dataclass(frozen=True, slots=True)
class LabelFigures:
    """What was last read off labelled rows; each absent until it was."""

    quality: QualityView | None = None
    coverage: CoverageView | None = None
    fairness: FairnessView | None = None
    promised: tuple[PromisedQuality, ...] = ()
    """On their baselines, of versions that have one of unseen rows."""

    def of_versions(self, present: Collection[int]) -> "LabelFigures":
        """Without versions that have left the release."""
        quality, coverage, fairness = self.quality, self.coverage, self.fairness
        return replace(
            self,
            quality=quality and replace(quality, matured=_only(quality.matured, present)),
            coverage=coverage and replace(coverage, versions=_those(coverage.versions, present)),
            fairness=fairness and replace(fairness, attributes=_only(fairness.attributes, present)),
        )


@dataclass(frozen=True, slots=True)
class Figures:
    """What is shown of one deployment in metrics."""

    assessment: Assessment
    totals: Totals
    lag_seconds: float
    """Since its log was last read to its end."""
    judgement: Judgement | None = None
    """As concluded last."""
    labelled: LabelFigures = LabelFigures()
    drift: DriftReading | None = None
    """Of the last look."""
    distributions: tuple[Distribution, ...] = ()
    """Of the features that are worth a look."""
    seconds: float = 0.0
    """Of work on it in this process."""


def _only(readings: tuple[Reading, ...], present: Collection[int]) -> tuple[Reading, ...]:
    return tuple(one for one in readings if one.version in present)


def _those(
    versions: Mapping[str, CoverageReading], present: Collection[int]
) -> dict[str, CoverageReading]:
    return {version: held for version, held in versions.items() if int(version) in present}
