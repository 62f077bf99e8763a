"""What followers say that they have loaded.

Kept in memory: each replica knows those that tell it, and forgets one that is silent for 90 s.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.registry.operations.reach import Clock
from understudy.contracts.registry import FollowerReport, FollowerState
from understudy.contracts.vocabulary import Component

SILENT_AFTER: Final = timedelta(seconds=90)
MOST_FOLLOWERS: Final = 10_000
"""When there are more, the one that has been silent longest is forgotten."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the followers are with one deployment."""

    deployed: bool
    """There is a serving worker, and every one has the current release."""
    running: bool
    """At least one serving worker answers on some release."""
    followers: tuple[FollowerState, ...]


class Followers:
    """The last report of each process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # Processes of different kinds may share a name: in containers all are process 1.
        self._heard: dict[tuple[Component, str], tuple[datetime, FollowerReport]] = {}

    def report(self, report: FollowerReport) -> None:
        """Take what a process says."""
        place = (report.component, report.instance)
        self._heard.pop(place, None)
        self._heard[place] = (self._clock(), report)
        while len(self._heard) > MOST_FOLLOWERS:
            self._heard.pop(next(iter(self._heard)))

    def counts(self) -> dict[Component, int]:
        """How many processes of each kind report."""
        reporting = [report.component for _, report in self._reporting()]
        return {component: reporting.count(component) for component in Component}

    def standing(self, deployment: str, release: int) -> Standing:
        """How far they are with `release`."""
        reporting = self._reporting()
        workers = [report for _, report in reporting if report.component is Component.SERVING]
        loaded = [report.releases.get(deployment) for report in workers]
        return Standing(
            deployed=bool(loaded) and all(number == release for number in loaded),
            running=any(number is not None for number in loaded),
            followers=_states(reporting, deployment),
        )

    def _reporting(self) -> list[tuple[datetime, FollowerReport]]:
        oldest = self._clock() - SILENT_AFTER
        heard = tuple(self._heard.values())
        return [(at, report) for at, report in heard if at >= oldest]


def _states(
    reporting: Sequence[tuple[datetime, FollowerReport]], deployment: str
) -> tuple[FollowerState, ...]:
    """Of those that have the deployment, or say why not (release 0: none yet)."""
    found = [
        FollowerState(
            instance=report.instance,
            component=report.component,
            release=report.releases.get(deployment, 0),
            reported_at=at,
            failure=report.failures.get(deployment),
        )
        for at, report in reporting
        if deployment in report.releases or deployment in report.failures
    ]
    return tuple(sorted(found, key=lambda state: (state.component, state.instance)))
