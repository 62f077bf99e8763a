"""What followers say that they have loaded; one that is silent for 90 s is forgotten."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.registry.operations.reach import Clock
from services.registry.ports import FollowerStore, KeyStore
from understudy.contracts.registry import FollowerReport, FollowerState
from understudy.contracts.vocabulary import Component
from understudy.runtime.uses import Uses

SILENT_AFTER: Final = timedelta(seconds=90)
MOST_FOLLOWERS: Final = 10_000
"""When there are more, those that have been silent longest are left out."""


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

    def __init__(self, store: FollowerStore, keys: KeyStore, clock: Clock) -> None:
        self._store = store
        self._keys = keys
        self._clock = clock
        self.uses = Uses()
        """Of keys that were let in here."""

    def keep_uses(self, used: Mapping[str, datetime]) -> None:
        """Write down when keys were let in here."""
        self._keys.note_use(used)

    def report(self, report: FollowerReport) -> None:
        """Take what a process says."""
        now = self._clock()
        self._store.keep(report, now, now - SILENT_AFTER)
        if report.used:
            # A clock that is ahead must not say that a key was used in days to come.
            self._keys.note_use({key: min(at, now) for key, at in report.used.items()})

    def heard(self) -> "Heard":
        """All that is believed now."""
        return Heard(self._store.heard(self._clock() - SILENT_AFTER, MOST_FOLLOWERS))


class Heard:
    """What followers said, at one moment."""

    def __init__(self, reports: Sequence[tuple[datetime, FollowerReport]]) -> None:
        self._reports = reports
        self._workers = [one for _, one in reports if one.component is Component.SERVING]

    def counts(self) -> dict[Component, int]:
        """How many processes of each kind report."""
        reporting = [report.component for _, report in self._reports]
        return {component: reporting.count(component) for component in Component}

    def standing(self, deployment: str, release: int) -> Standing:
        """How far they are with `release`."""
        loaded = [report.releases.get(deployment) for report in self._workers]
        return Standing(
            deployed=bool(loaded) and all(number == release for number in loaded),
            running=any(number is not None for number in loaded),
            followers=_states(self._reports, deployment),
        )


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
