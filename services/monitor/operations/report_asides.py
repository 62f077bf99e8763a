"""What a report says above Evidently's figures: verdict, alarms and quality as they are now."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final

from services.monitor.domain.drifting.telling import DriftAlarm, DriftReading
from services.monitor.domain.errors import NotReadyError
from services.monitor.domain.outcomes.readings import QualityView
from services.monitor.operations.reporting import Aside
from services.monitor.operations.watching import Watch

_MOST_ALARMS: Final = 10
_QUALITY: Final = ("accuracy", "roc_auc", "brier", "mae", "rmse", "r2")


def aside_of(watch: Watch) -> Aside:
    """Facts in words, and the drift detector's evidence by feature."""
    drift = drift_of(watch)
    return Aside(
        facts=[*_verdict(watch), *_drift(drift), *_quality(watch.labelled.quality)],
        evidence=[] if drift is None else evidence_of(drift.watched),
    )


def drift_of(watch: Watch) -> DriftReading | None:
    """None before the first look."""
    with suppress(NotReadyError):
        return watch.drift()
    return None


def evidence_of(watched: Sequence[DriftAlarm]) -> list[tuple[str, float]]:
    """By subject: the strongest evidence of any kind, over its threshold."""
    found = dict[str, float]()
    for one in watched:
        share = one.log_evidence / one.threshold if one.threshold else 0.0
        found[one.subject] = max(share, found.get(one.subject, 0.0))
    return [*found.items()]


def named(alarm: DriftAlarm) -> str:
    """`income (missing)`, `output of version 2 (shape)`, `interaction: income × children`."""
    if alarm.pairs:
        return f"{alarm.subject}: " + ", ".join(" × ".join(pair) for pair in alarm.pairs)
    whose = "" if alarm.version is None else f" of version {alarm.version}"
    return f"{alarm.subject}{whose} ({alarm.kind.value.replace('_', ' ')})"


def _verdict(watch: Watch) -> Iterator[tuple[str, str]]:
    judged = watch.judged
    if judged is not None:
        whom = "" if judged.version is None else f" (version {judged.version})"
        yield "Verdict", f"{judged.verdict.value.replace('_', ' ')}{whom}"
        yield from (("Because", reason) for reason in judged.reasons)


def _drift(drift: DriftReading | None) -> Iterator[tuple[str, str]]:
    if drift is None:
        return
    if not drift.alarms:
        yield "Drift", f"no alarm over {drift.rows} rows"
    for alarm in drift.alarms[:_MOST_ALARMS]:
        yield "Drift alarm", f"{named(alarm)} since {alarm.since:%Y-%m-%d %H:%M} UTC"
    if len(drift.alarms) > _MOST_ALARMS:
        yield "Drift alarm", f"and {len(drift.alarms) - _MOST_ALARMS} more"


def _quality(quality: QualityView | None) -> Iterator[tuple[str, str]]:
    """Of matured labels."""
    for version in quality.matured if quality is not None else ():
        figures = [
            f"{name.replace('_', ' ')} {found.value:.4g}"
            for name in _QUALITY
            if (found := version.metrics.get(name)) is not None
        ]
        if figures:
            told = f"{', '.join(figures)}, on {version.labelled} matured labels"
            yield f"Version {version.version}", told
