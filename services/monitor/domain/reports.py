"""What a report for people is about: which predictions, and our own figures beside Evidently's."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np

from services.monitor.domain.assessing import read_feature
from services.monitor.domain.cells import empty_cell
from services.monitor.domain.drift import debiased_js
from services.monitor.domain.measuring import measure_predictions
from services.monitor.domain.rows import PredictionRows, join_predictions
from services.monitor.domain.rules import Rules
from understudy.profiles.arrays import Counts
from understudy.profiles.bins import BELOW
from understudy.profiles.reference import Reference

REPORT_ID: Final = re.compile(r"\d{8}t\d{6}z-[0-9a-f]{8}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Span:
    """Predictions answered from one time until before another; seconds since the epoch."""

    begins: float
    ends: float

    def holds(self, entry: PredictionRows) -> "PredictionRows":
        """The entry's rows that were answered then."""
        return entry.take(np.flatnonzero((entry.at >= self.begins) & (entry.at < self.ends)))


@dataclass(frozen=True, slots=True)
class Ask:
    """What somebody wants a report on."""

    span: Span | None = None
    """None: the newest rows."""
    version: int | None = None
    """Rows that this main answered, against its reference. None: all, against the main's."""


@dataclass(frozen=True, slots=True)
class KeptReport:
    """A report that is kept; the page is elsewhere."""

    id: str
    release: int
    made_at: datetime
    begins: datetime
    ends: datetime
    rows: int
    reason: str
    size_bytes: int
    alarms: tuple[str, ...] = ()
    """All that it was made for, in words that stay the same while they last."""


@dataclass(frozen=True, slots=True)
class FeatureLine:
    """One feature in the table above Evidently's page."""

    feature: str
    psi: float | None
    js: float | None
    live: float | None
    reference: float | None
    missing_ratio: float | None
    unusual_ratio: float | None
    """Unseen categories, or values out of the reference's range."""
    evidence: float | None = None
    """The drift detector's, over its threshold: an alarm from 1 on. As it is now."""
    importance: float | None = None


def feature_lines(
    entries: Sequence[PredictionRows],
    reference: Reference,
    rules: Rules,
    evidence: Mapping[str, float],
    importances: Mapping[str, float],
) -> tuple[FeatureLine, ...]:
    """Counted like everything else; what drifted most comes first."""
    total = empty_cell(reference)
    for rows in join_predictions(entries):
        total += measure_predictions(rows, reference, rules.latency_edges)
    pieces = np.split(total.counts, reference.offsets[1:-1])
    lines = []
    for profile, counts, sums in zip(reference.features, pieces, total.sums, strict=True):
        found = read_feature(profile, counts, sums, rules)
        lines.append(
            FeatureLine(
                feature=profile.name,
                psi=found.drift_psi,
                js=None if found.drift_psi is None else _js(counts, profile.counts),
                live=found.live.mean,
                reference=found.reference.mean,
                missing_ratio=found.missing_ratio,
                unusual_ratio=_first(found.unseen_ratio, found.out_of_range_ratio),
                evidence=evidence.get(profile.name),
                importance=importances.get(profile.name),
            )
        )
    return tuple(sorted(lines, key=lambda line: -_first(line.psi, -np.inf)))


def span_of(entries: Sequence[PredictionRows]) -> tuple[datetime, datetime]:
    """When the first and the last of the rows was answered."""
    times = np.concatenate([entry.at for entry in entries])
    first, last = (datetime.fromtimestamp(float(at), UTC) for at in (times.min(), times.max()))
    return first, last


def _js(live: Counts, reference: Counts) -> float | None:
    return debiased_js(live[BELOW:], reference[BELOW:])


def _first(*values: float | None) -> float:
    return next((value for value in values if value is not None), float("nan"))
