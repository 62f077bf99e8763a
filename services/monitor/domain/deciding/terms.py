"""The terms of a comparison with nothing left open: what losses are, which rows have matured."""

import hashlib
from dataclasses import dataclass
from typing import Final

from understudy.contracts.judging import LARGEST_LOSSES, USUAL_CLIPS, ComparisonTerms
from understudy.contracts.signature import Target
from understudy.contracts.vocabulary import LossName, Task

_HOUR: Final = 3_600
_COHORTS: Final = ((60.0, 10), (3_600.0, 60), (86_400.0, 600))
"""Horizons below so many seconds, and how long a cohort is then."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What is fixed at a release."""

    loss: LossName
    clip: float
    """In units of the loss."""
    margin: float
    """In units of the loss."""
    span: float
    """The largest loss that is told apart: 1 for classes, eight clips for numbers."""
    scale: float
    """The target's standard deviation in the main's sample; 1 for classes."""
    alpha: float
    horizon_seconds: float
    cohort_seconds: int
    minimum_labels: int

    @property
    def fingerprint(self) -> str:
        """Names what tallies depend on: tallies of one fingerprint add, and mature alike."""
        losses = (self.loss.value, self.clip, self.span, self.scale)
        parts = (*losses, self.horizon_seconds, self.cohort_seconds)
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]

    def cohort_start(self, at: float) -> int:
        """The start of the cohort that a prediction of that time belongs to."""
        return int(at // self.cohort_seconds) * self.cohort_seconds

    @property
    def maturing_seconds(self) -> float:
        """How old a row is at most when its cohort has matured."""
        return self.horizon_seconds + self.cohort_seconds

    def matured_until(self, now: float) -> float:
        """A cohort has matured, whatever its length, when it ends by then."""
        return now - self.horizon_seconds


def resolve(stated: ComparisonTerms, target: Target, deviation: float | None) -> Terms:
    """The terms that hold; `deviation` is of the target in the main's reference sample."""
    scale = 1.0
    if target.task is Task.REGRESSION and deviation is not None and deviation > 0:
        scale = deviation
    loss = stated.loss or _loss_of(target.task)
    clip = stated.clip or _clip_of(loss, scale)
    return Terms(
        loss=loss,
        clip=clip,
        margin=stated.margin or clip / 100,
        span=_span_of(loss, clip),
        scale=scale,
        alpha=stated.alpha,
        horizon_seconds=stated.label_horizon_seconds,
        cohort_seconds=cohort_seconds(stated.label_horizon_seconds),
        minimum_labels=stated.minimum_labels,
    )


def cohort_seconds(horizon_seconds: float) -> int:
    """Short enough that waiting for the end of a cohort adds little to the horizon."""
    return next((short for below, short in _COHORTS if horizon_seconds < below), _HOUR)


def _loss_of(task: Task) -> LossName:
    return LossName.BRIER if task is Task.CLASSIFICATION else LossName.ABSOLUTE


def _clip_of(loss: LossName, scale: float) -> float:
    return scale * scale if loss is LossName.SQUARED else USUAL_CLIPS.get(loss, scale)


def _span_of(loss: LossName, clip: float) -> float:
    return LARGEST_LOSSES.get(loss, 8 * clip)
