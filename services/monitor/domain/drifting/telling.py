"""What a look for drift found, as figures: what, since when, how much, and what it assumes.

The HTTP bodies in `understudy.contracts.monitor` carry the same members.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from services.monitor.domain.accounting import MINUTE
from services.monitor.domain.drift import debiased_js, debiased_psi
from services.monitor.domain.drifting.detecting import Detection
from services.monitor.domain.drifting.planning import Plan
from services.monitor.domain.drifting.subjects import Subject
from services.monitor.domain.probes import FeaturePair
from services.monitor.domain.statistics.detector import LOG_AVERAGE_RUN, Evidence
from services.monitor.domain.statistics.ending import ended_at
from understudy.contracts.vocabulary import DriftKind, DriftStrata, FeatureKind
from understudy.profiles.arrays import Floats
from understudy.profiles.moments import SUMS, Moments, moments

POOLED = "pooled"


@dataclass(frozen=True, slots=True)
class DriftAlarm:
    """One subject: an alarm, or watched."""

    subject: str
    kind: DriftKind
    log_evidence: float
    threshold: float
    since: datetime
    assumes: str
    version: int | None = None
    ended: datetime | None = None
    rows: int = 0
    psi: float | None = None
    js: float | None = None
    live: float | None = None
    reference: float | None = None
    live_standard_deviation: float | None = None
    reference_standard_deviation: float | None = None
    importance: float | None = None
    impact: float | None = None
    pairs: tuple[FeaturePair, ...] = ()
    design_effect: float = 1.0
    mean_psi: float | None = None
    """Over all features; of what is pooled."""

    @property
    def effect(self) -> float | None:
        """How far it is from the reference since its most likely change, on the scale of its kind.

        Shape: PSI. Missing, unseen, out of range: share of rows beyond the reference's. Pooled: the
        features' mean PSI. Interaction: pairs of features that are named, three at most.
        """
        if self.kind is DriftKind.INTERACTION:
            return float(len(self.pairs))
        if self.kind in {DriftKind.SHAPE, DriftKind.POOLED}:
            return self.psi if self.kind is DriftKind.SHAPE else self.mean_psi
        if self.live is None or self.reference is None:
            return None
        return self.live - self.reference

    @property
    def crossed(self) -> bool:
        """Whether it drifted, and has not come back."""
        return self.log_evidence >= self.threshold and self.ended is None


@dataclass(frozen=True, slots=True)
class DriftReading:
    """All of it."""

    deployment: str
    release: int
    at: datetime
    since: datetime | None
    rows: int
    alarms: tuple[DriftAlarm, ...]
    watched: tuple[DriftAlarm, ...]
    interaction_at: datetime | None = None


def tell(deployment: str, release: int, found: Detection, now: float) -> DriftReading:
    """Alarms by impact, then evidence; what is watched by evidence."""
    watched = [] if found.evidence is None else [*_watched(found, found.evidence)]
    alarms = [one for one in watched if one.crossed]
    if found.evidence is not None:
        pooled = _pooled(found, found.evidence, watched)
        watched.append(pooled)
        alarms += [pooled] if pooled.crossed else []
    return DriftReading(
        deployment=deployment,
        release=release,
        at=datetime.fromtimestamp(now, UTC),
        since=_time(found, 0) if len(found.minutes) else None,
        rows=_rows(found.plan, found.suffixes[:1]),
        alarms=tuple(sorted(alarms, key=lambda one: (-(one.impact or 0.0), -one.log_evidence))),
        watched=tuple(sorted(watched, key=lambda one: -one.log_evidence)),
    )


def _watched(found: Detection, evidence: Evidence) -> Iterator[DriftAlarm]:
    for row, subject in enumerate(found.plan.subjects):
        yield _alarm(found, evidence, row, subject)


def _alarm(found: Detection, evidence: Evidence, row: int, subject: Subject) -> DriftAlarm:
    plan, threshold = found.plan, float(evidence.thresholds[row])
    start, end = _span(found, evidence.by_start[:, row], subject, threshold)
    until = 0.0 if end is None else found.suffixes[end]
    live = subject.counts(found.suffixes[start] - until)
    usual = subject.counts(plan.usual)
    js = debiased_js(live, usual)
    told = DriftAlarm(
        subject=subject.name,
        kind=subject.kind,
        version=subject.version,
        log_evidence=_seen(float(evidence.rows[row])),
        threshold=threshold,
        since=_time(found, start),
        ended=None if end is None else _time(found, end),
        assumes=plan.assumes,
        rows=int(live.sum()),
        psi=debiased_psi(live, usual),
        js=js,
        importance=subject.importance,
        impact=None if js is None or subject.importance is None else subject.importance * js,
        design_effect=subject.effect,
    )
    if subject.kind is not DriftKind.SHAPE:
        return replace(told, live=_share(live), reference=_share(usual))
    return _with_moments(told, plan, subject, found.suffixes[start] - until)


def _with_moments(told: DriftAlarm, plan: Plan, subject: Subject, sums: Floats) -> DriftAlarm:
    """Mean and deviation of a number, live and of the reference."""
    if subject.feature is None:
        return told
    profile = plan.setup.reference.features[subject.feature]
    if profile.kind is FeatureKind.CATEGORY:
        return told
    begin = plan.columns.sums + SUMS * subject.feature
    live: Moments = moments(sums[begin : begin + SUMS], profile.centre)
    usual = moments(profile.sums, profile.centre)
    return replace(
        told,
        live=live.mean,
        reference=usual.mean,
        live_standard_deviation=live.standard_deviation,
        reference_standard_deviation=usual.standard_deviation,
    )


def _span(
    found: Detection, logs: Floats, subject: Subject, threshold: float
) -> tuple[int, int | None]:
    """Which start drift began at, and which it ended at, if it did and did not begin again."""
    start = int(logs.argmax())
    if np.logaddexp.reduce(logs) < threshold or found.plan.strata is not DriftStrata.NONE:
        return start, None
    counts = subject.counts(found.suffixes) / subject.effect
    usual = subject.counts(found.plan.usual) / subject.effect
    end = ended_at(counts, usual, start)
    while end is not None and np.logaddexp.reduce(logs[end:]) >= threshold:
        start = end + int(logs[end:].argmax())
        end = ended_at(counts, usual, start)
    return start, end


def _pooled(found: Detection, evidence: Evidence, watched: Sequence[DriftAlarm]) -> DriftAlarm:
    """All subjects together: over when those that drifted by themselves all are."""
    own = [one for one in watched if one.log_evidence >= one.threshold]
    ends = [one.ended for one in own if one.ended is not None]
    return DriftAlarm(
        subject=POOLED,
        kind=DriftKind.POOLED,
        log_evidence=_seen(evidence.pooled),
        threshold=LOG_AVERAGE_RUN,
        since=_time(found, evidence.pooled_start),
        ended=max(ends) if own and len(ends) == len(own) else None,
        rows=_rows(found.plan, found.suffixes[evidence.pooled_start : evidence.pooled_start + 1]),
        assumes=found.plan.assumes,
        mean_psi=_mean_psi(found.plan, found.suffixes[evidence.pooled_start]),
    )


def _mean_psi(plan: Plan, live: Floats) -> float | None:
    """Of all features' shapes; answers are left out."""
    shapes = [one for one in plan.subjects if one.whole is None and one.version is None]
    psis = [debiased_psi(one.counts(live), one.counts(plan.usual)) for one in shapes]
    known = [psi for psi in psis if psi is not None]
    return sum(known) / len(known) if known else None


def _rows(plan: Plan, vector: Floats) -> int:
    """As many as the feature has that is in most of them."""
    return int(plan.counted(vector).rows.max(initial=0.0))


def _share(counts: Floats) -> float | None:
    rows = float(counts.sum())
    return float(counts[0]) / rows if rows else None


def _seen(log_evidence: float) -> float:
    """No evidence at all is told as 1, whose logarithm JSON can carry."""
    return max(0.0, log_evidence)


def _time(found: Detection, start: int) -> datetime:
    return datetime.fromtimestamp(float(found.minutes[start]) * MINUTE, UTC)
