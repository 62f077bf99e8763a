"""What the interaction probe found, told like all other drift."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from services.monitor.domain.drifting.telling import DriftAlarm, DriftReading
from services.monitor.domain.probes import ASSUMES, Probe
from services.monitor.domain.statistics.interaction import LOG_THRESHOLD
from understudy.contracts.vocabulary import DriftKind

INTERACTION: Final = "interaction"


def with_interaction(reading: DriftReading, probe: Probe | None) -> DriftReading:
    """The same with what the domain classifier says, which looks at other times."""
    found = None if probe is None else interaction_alarm(probe)
    if found is None:
        return reading
    return replace(
        reading,
        alarms=(*reading.alarms, found) if found.crossed else reading.alarms,
        watched=(*reading.watched, found),
        interaction_at=interaction_at(probe),
    )


def interaction_alarm(probe: Probe) -> DriftAlarm | None:
    """Since the rows that taught the first bet of its evidence; None before the probe looked."""
    if probe.looked_at is None:
        return None
    since = probe.window_at if probe.wealth.since is None else probe.wealth.since
    return DriftAlarm(
        subject=INTERACTION,
        kind=DriftKind.INTERACTION,
        log_evidence=probe.wealth.log_evidence,
        threshold=LOG_THRESHOLD,
        since=datetime.fromtimestamp(since, UTC),
        assumes=ASSUMES,
        pairs=probe.pairs,
    )


def interaction_at(probe: Probe | None) -> datetime | None:
    """When the probe last looked."""
    looked_at = None if probe is None else probe.looked_at
    return None if looked_at is None else datetime.fromtimestamp(looked_at, UTC)
