"""What is said of labelled rows: figures for people and metrics, absent where there are none.

The HTTP bodies in `understudy.contracts.monitor` carry the same members.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from services.monitor.domain.statistics.intervals import Interval
from understudy.contracts.vocabulary import Role

Metrics = Mapping[str, Interval]


@dataclass(frozen=True, slots=True)
class QualityReading:
    """One version on labelled rows."""

    version: int
    role: Role
    rows: int
    labelled: int
    metrics: Metrics
    by_class: Mapping[str, Metrics] = field(default_factory=dict)
    estimated: Metrics = field(default_factory=dict)
    estimated_assumes: str | None = None


@dataclass(frozen=True, slots=True)
class PromisedQuality:
    """One version on the rows of its baseline."""

    deployment: str
    version: int
    role: Role
    metrics: Metrics


@dataclass(frozen=True, slots=True)
class CohortQuality:
    """One day of predictions."""

    begins: datetime
    ends: datetime
    matured: bool
    versions: tuple[QualityReading, ...]


@dataclass(frozen=True, slots=True)
class QualityView:
    """Of one deployment."""

    deployment: str
    release: int
    at: datetime
    since: datetime
    matured: tuple[QualityReading, ...]
    all_labelled: tuple[QualityReading, ...]
    days: tuple[CohortQuality, ...]


@dataclass(frozen=True, slots=True)
class CoverageReading:
    """How many answers have labels, and how long those took."""

    answered: int
    labelled: int
    coverage_ratio: float | None
    lag_p50_seconds: float | None = None
    lag_p95_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class CoverageView:
    """What is known of a deployment's labels."""

    deployment: str
    at: datetime
    versions: Mapping[str, CoverageReading]
    days: Mapping[str, CoverageReading]
    predicted_classes: Mapping[str, CoverageReading]
    score_deciles: tuple[CoverageReading, ...]
    score_edges: tuple[float, ...]
    parked: int
    corrected: int
    duplicates: int
    selection_warning: str | None
    label_mean: float | None
    label_variance: float | None
    label_shares: Mapping[str, float]
    refused: int = 0
    expired: int = 0


@dataclass(frozen=True, slots=True)
class GroupReading:
    """One group of a protected attribute."""

    group: str
    rows: int | None
    """None: fewer than are shown."""
    suppressed: bool = False
    selection_rate: Interval | None = None
    true_positive_rate: Interval | None = None
    false_positive_rate: Interval | None = None


@dataclass(frozen=True, slots=True)
class FairnessReading:
    """One version's groups by one attribute."""

    version: int
    role: Role
    attribute: str
    groups: tuple[GroupReading, ...]
    selection_gap: Interval | None = None
    true_positive_gap: Interval | None = None
    false_positive_gap: Interval | None = None


@dataclass(frozen=True, slots=True)
class FairnessView:
    """Of one deployment."""

    deployment: str
    release: int
    at: datetime
    since: datetime
    attributes: tuple[FairnessReading, ...]
