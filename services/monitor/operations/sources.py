"""Where operations read and write."""

from collections.abc import Callable
from dataclasses import dataclass

from services.monitor.domain.rules import Rules
from services.monitor.metrics import MonitorMetrics
from services.monitor.ports import CellStore, EventLog, Outcomes, References

Clock = Callable[[], float]
"""Seconds since the epoch."""

Holds = Callable[[str], bool]
"""Whether a deployment is this monitor's to work on."""


def everything(_: str) -> bool:
    """What a monitor holds that shares with no other."""
    return True


def always() -> bool:
    """Of what needs no net."""
    return True


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a watch reads and writes."""

    log: EventLog
    store: CellStore
    references: References
    outcomes: Outcomes
    metrics: MonitorMetrics
    rules: Rules
    clock: Clock
    holds: Holds = everything
    reached: Callable[[], bool] = always
    """Whether Redis has ever answered this process."""
