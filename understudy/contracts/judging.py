"""How a deployment's versions are judged, and what may be done by itself: a part of its policy.

Fixed at each release: a comparison whose terms change begins anew. Plain frozen values.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from understudy.contracts.vocabulary import ActionMode, DriftStrata, LossName

LONGEST_LOG_LOSS: Final = 4.0
"""A log loss beyond it (a probability below 2 %) counts as it."""
SMALLEST_ALPHA: Final = 1e-9
MOST_MINIMUM_LABELS: Final = 10_000_000
LONGEST_SLOW_SECONDS: Final = 3_600.0
"""Beyond these bounds a policy would only look as if something were judged."""
MOST_ALERTS: Final = 16
LONGEST_ALERT_NAME: Final = 128
LARGEST_LOSSES: Final[Mapping[LossName, float]] = {
    LossName.BRIER: 1.0,
    LossName.ZERO_ONE: 1.0,
    LossName.LOG_LOSS: LONGEST_LOG_LOSS,
}
"""The largest that is told apart. Those of numbers have none before their clip is known."""
USUAL_CLIPS: Final[Mapping[LossName, float]] = {
    LossName.BRIER: 0.5,
    LossName.ZERO_ONE: 1.0,
    LossName.LOG_LOSS: 1.0,
}
"""Of classes' losses, unless stated; those of numbers go by the target's deviation."""


def _positive(**values: float | None) -> None:
    for name, value in values.items():
        if value is not None and not (math.isfinite(value) and value > 0):
            raise ValueError(f"{name} is a finite number above 0")


def _is_name(name: str) -> bool:
    fits = 1 <= len(name) <= LONGEST_ALERT_NAME and name.isprintable()
    return fits and "," not in name and name == name.strip()


@dataclass(frozen=True, slots=True)
class ComparisonTerms:
    """Main against each challenger on the same labelled rows."""

    loss: LossName | None = None
    """None: Brier for classes, the absolute error for numbers."""
    clip: float | None = None
    """Differences of losses beyond it count as it. None: 0.5 for Brier, 1 for zero-one and log
    loss, one standard deviation of the target for absolute errors, its variance for squared."""
    margin: float | None = None
    """What difference of mean losses nobody cares about. None: a hundredth of `clip`."""
    alpha: float = 0.05
    """Chance that any challenger is ever wrongly found better or worse; shared among them."""
    label_horizon_seconds: float = 86_400.0
    """How long after a prediction its label may come; a cohort counts when all of it is older."""
    minimum_labels: int = 100
    """Matured labelled pairs below which nothing is concluded."""

    def __post_init__(self) -> None:
        _positive(clip=self.clip, margin=self.margin)
        if not SMALLEST_ALPHA <= self.alpha <= 0.5:
            raise ValueError(f"alpha is a probability of {SMALLEST_ALPHA:g} to 0.5")
        if not 0 <= self.label_horizon_seconds <= 366 * 86_400:
            raise ValueError("label_horizon_seconds is between 0 and 366 days")
        if not 1 <= self.minimum_labels <= MOST_MINIMUM_LABELS:
            raise ValueError(f"minimum_labels is 1 to {MOST_MINIMUM_LABELS:,}")


@dataclass(frozen=True, slots=True)
class GuardRails:
    """What a version must not do, however good its answers are. Shares of rows, 0 to 1."""

    errors: float = 0.01
    """Rows that may fail: of the main, or of a challenger beyond the main's."""
    slow_seconds: float | None = None
    """A row scored slower than this misses its objective. None: latency guards nothing."""
    slow: float = 0.01
    """The share that may miss it."""
    invalid: float = 0.001
    """Answers that are no number, no class, or no probabilities, beyond the main's."""
    protected: str | None = None
    """The protected attribute whose gap is guarded. None: fairness guards nothing."""
    fairness_gap: float = 0.05
    """How much wider a challenger's gap of selection rates may be than the main's."""
    risk_tolerance: float | None = None
    """How far the main's mean loss may lie above that of its baseline. None: 5 % of the loss's
    range."""

    def __post_init__(self) -> None:
        _positive(slow_seconds=self.slow_seconds, risk_tolerance=self.risk_tolerance)
        if self.slow_seconds is not None and self.slow_seconds > LONGEST_SLOW_SECONDS:
            raise ValueError(
                f"slow_seconds is at most {LONGEST_SLOW_SECONDS:g}: no row takes longer"
            )
        for name in ("errors", "slow", "invalid", "fairness_gap"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} is a share of at least 0 and below 1")


@dataclass(frozen=True, slots=True)
class Actions:
    """What the monitor may do by itself, through the registry's ordinary road."""

    promote: ActionMode = ActionMode.RECOMMEND
    roll_back: ActionMode = ActionMode.RECOMMEND
    cool_down_seconds: float = 3_600.0
    """After any release, before the next is made by itself."""
    minimum_rows: int = 500
    """Rows that the current release must have answered before anything is done by itself."""
    alerts: tuple[str, ...] = ()
    """Names of alerts that, while they fire, speak for rolling back a main under which they began.
    None: alerts do nothing."""

    def __post_init__(self) -> None:
        if not 0 <= self.cool_down_seconds <= 366 * 86_400:
            raise ValueError("cool_down_seconds is between 0 and 366 days")
        if self.minimum_rows < 1:
            raise ValueError("minimum_rows is at least 1")
        if len(self.alerts) > MOST_ALERTS or len({*self.alerts}) != len(self.alerts):
            raise ValueError(f"alerts are at most {MOST_ALERTS} different names")
        if not all(_is_name(name) for name in self.alerts):
            raise ValueError(
                f"an alert's name is 1 to {LONGEST_ALERT_NAME} printable characters, without "
                "commas and without space around it"
            )


@dataclass(frozen=True, slots=True)
class DriftTerms:
    """When live rows count as other than the reference."""

    tolerance: float = 0.002
    """Kullback-Leibler divergence, in nats, that is practically nothing; about 0.06 standard
    deviations of a number's mean."""
    strata: DriftStrata = DriftStrata.NONE
    """Compare rows with reference rows of the same time of day or week; needs a time column."""
    entity: str | None = None
    """A feature that tells rows of one customer: only the first of each minute counts."""

    def __post_init__(self) -> None:
        if not 0 <= self.tolerance < 1:
            raise ValueError("tolerance is at least 0 and below 1")


@dataclass(frozen=True, slots=True)
class Judging:
    """All of it."""

    comparison: ComparisonTerms = ComparisonTerms()
    rails: GuardRails = GuardRails()
    actions: Actions = Actions()
    drift: DriftTerms = DriftTerms()


DEFAULT_JUDGING: Final = Judging()
