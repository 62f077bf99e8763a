"""What a project demands before a version leaves `pending`: the policy of its review gate.

Plain values, as `policy` has them; YAML or JSON at the edges. See docs/gate.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from understudy.contracts.reviews import Finding
from understudy.contracts.vocabulary import (
    FindingCode,
    MemberRole,
    ObstacleCode,
    Question,
    Severity,
)

SHORTEST_REASON: Final = 10
"""Characters of the reason that an override needs."""


METRICS: Final = (
    "roc_auc",
    "pr_auc",
    "accuracy",
    "balanced_accuracy",
    "precision",
    "recall",
    "f1",
    "brier",
    "log_loss",
    "ece",
    "rmse",
    "mae",
    "r2",
    "bias",
    "pinball_90",
)
"""What a review measures, and a policy may demand something of."""


@dataclass(frozen=True, slots=True)
class MetricDemand:
    """What one figure of the results must reach.

    Bounds are held against the interval's worse end where `certain`, else against the figure.
    """

    at_least: float | None = None
    at_most: float | None = None
    better_than_dummy_by: float | None = None
    worse_than_main_by_at_most: float | None = None
    certain: bool = False


@dataclass(frozen=True, slots=True)
class Override:
    """Who may decide against the gate; nobody without roles. A reason is always needed."""

    roles: tuple[MemberRole, ...] = (MemberRole.ADMIN,)


@dataclass(frozen=True, slots=True)
class GatePolicy:
    """One version of a project's policy. The default is what holds where nobody has set one."""

    review: bool = True
    """Whether a review must exist and have been opened by who decides."""
    findings: Mapping[FindingCode, Severity] = field(default_factory=dict)
    """Instead of the findings' own severities."""
    metrics: Mapping[str, MetricDemand] = field(default_factory=dict)
    """By name of the metric, as in the review's results."""
    questions: tuple[Question, ...] = ()
    """That must be answered."""
    second_person: bool = False
    """Whether who decides must be another person than who registered the version."""
    review_days: int | None = None
    """After so many days a review must be made anew."""
    training_days: int | None = None
    """How old the training may be; a version that does not say when it was trained is too old."""
    signed: bool = False
    """Whether the artifact must carry a signature by a key that the installation knows."""
    pickle: bool = False
    """Whether pickles are taken at all: read once, in a sandbox, and kept as skops. Only an
    administrator of the installation sets it."""
    override: Override = Override()


DEFAULT: Final = GatePolicy()


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One thing that stands in the way, and what would remove it."""

    code: ObstacleCode
    subject: str
    """The finding's code, the metric, the question."""
    detail: str


@dataclass(frozen=True, slots=True)
class Assessment:
    """What a policy makes of a version, for one who would decide."""

    policy: int
    """Its number within the project; 0 is the installation's own."""
    open: bool
    obstacles: tuple[Obstacle, ...]
    findings: tuple[Finding, ...]
    """With the severities of the policy; blocks first."""
    may_override: bool
