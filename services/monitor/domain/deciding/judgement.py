"""What is concluded of a deployment, and everything that it rests on.

The HTTP bodies in `understudy.contracts.monitor` carry the same members.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from services.monitor.domain.statistics.intervals import Interval
from understudy.contracts.vocabulary import ActionMode, AlertState, LossName, RuleName, Verdict


@dataclass(frozen=True, slots=True)
class RailReading:
    """A guard-rail: what it counts, what it allows, how strong the evidence against it is."""

    rule: RuleName
    version: int
    rows: int
    observed: float | None
    allowed: float
    log_evidence: float
    threshold: float
    since: datetime | None = None

    @property
    def crossed(self) -> bool:
        """Whether the evidence is strong enough to act on."""
        return self.log_evidence >= self.threshold


@dataclass(frozen=True, slots=True)
class ComparisonReading:
    """Main against one challenger on matured labelled rows."""

    challenger: int
    rule: RuleName
    verdict: Verdict
    labels: int
    waiting: int
    difference: Interval | None
    log_evidence_better: float
    log_evidence_worse: float
    log_evidence_equivalent: float
    threshold: float
    equivalence_threshold: float
    expected_labels: int | None
    rails: tuple[RailReading, ...]
    since: datetime
    until: datetime
    release: int
    state: Mapping[int, int]

    @property
    def vetoed_by(self) -> tuple[RuleName, ...]:
        """Rails that keep it from becoming main."""
        return tuple(rail.rule for rail in self.rails if rail.crossed)


@dataclass(frozen=True, slots=True)
class ConceptReading:
    """Whether what answers mean has changed, by the main's losses."""

    version: int
    rows: int
    risk: Interval | None
    reference_risk: float | None
    tolerance: float
    log_evidence: float
    threshold: float
    since: datetime | None = None
    changed_at: datetime | None = None
    estimate_gap: float | None = None
    estimate_gap_lasts: bool = False
    trained_days_ago: float | None = None
    assumes: str | None = None

    @property
    def alarm(self) -> bool:
        """Whether the risk is above the reference's and the tolerance."""
        return self.log_evidence >= self.threshold


@dataclass(frozen=True, slots=True)
class AlertReading:
    """An alert that somebody told of, and what it says of the main."""

    alert: str
    version: str | None
    fingerprint: str
    state: AlertState
    since: datetime
    told_at: datetime
    ended_at: datetime | None
    summary: str
    labels: Mapping[str, str]
    told_by: str
    named: bool
    """Whether the policy names it."""
    excused: str | None = None
    """Why it does not speak for rolling back, although it is named and fires."""

    @property
    def accuses(self) -> bool:
        """Whether it speaks for rolling back."""
        return self.named and self.state is AlertState.FIRING and self.excused is None


@dataclass(frozen=True, slots=True)
class ActionReading:
    """What the policy makes of a verdict."""

    verdict: Verdict
    mode: ActionMode
    version: int
    release: int | None = None
    """To roll back to; None where a challenger is to be promoted."""
    held_by: str | None = None
    done_release: int | None = None
    undo: str | None = None

    @property
    def due(self) -> bool:
        """Whether it is to be done now, by itself."""
        return self.mode is ActionMode.AUTOMATIC and self.held_by is None


@dataclass(frozen=True, slots=True)
class Conclusion:
    """A verdict, by which rule, for which version, and why in words."""

    verdict: Verdict
    rule: RuleName
    version: int | None = None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """All of it."""

    deployment: str
    release: int
    at: datetime
    verdict: Verdict
    rule: RuleName
    version: int | None
    reasons: tuple[str, ...]
    loss: LossName
    clip: float
    margin: float
    alpha: float
    label_horizon_seconds: float
    comparisons: tuple[ComparisonReading, ...] = ()
    main_rails: tuple[RailReading, ...] = ()
    concept: ConceptReading | None = None
    alerts: tuple[AlertReading, ...] = ()
    alerts_unheard: tuple[str, ...] = ()
    """That the policy names, and of which nothing is held."""
    action: ActionReading | None = None
    replay: bool = False
    changed_at: datetime | None = field(default=None, compare=False)
    """When the verdict became what it is, as far as this process has seen."""
