"""Which challenger versions owe pairs, as the registry's snapshot has it, and how they fare."""

from collections.abc import Callable, Collection
from typing import Protocol

from services.serving.operations.pairing import Pairing
from understudy.contracts.registry import (
    DeploymentSnapshot,
    FollowerReport,
    ServedVersion,
    Snapshot,
)
from understudy.contracts.registry import Pairing as Owed
from understudy.contracts.vocabulary import Component
from understudy.runtime.uses import Uses

Place = tuple[str, int, str]
"""Deployment, version, artifact."""


class Begin(Protocol):
    """Makes a reader of a deployment's log for one version that owes pairs."""

    def __call__(
        self, deployment: DeploymentSnapshot, owed: Owed, on_end: Callable[[], None]
    ) -> Pairing:
        """Not begun yet."""


class Challenges:
    """The readers that should run. A retired one ends by itself and is not begun again."""

    def __init__(self, begin: Begin, instance: str) -> None:
        self._begin = begin
        self._instance = instance
        self._snapshot: Snapshot | None = None
        self.pairings: dict[Place, Pairing] = {}
        self.uses = Uses()
        """Of keys that were let in."""

    def take_up(self, snapshot: Snapshot) -> None:
        """Have a reader for each version that owes pairs."""
        self._snapshot = snapshot
        places = {
            _place(deployment, owed): (deployment, owed)
            for deployment in snapshot.deployments
            for owed in deployment.pairings
        }
        for place, (deployment, owed) in places.items():
            challenges = owed.version in deployment.challengers
            pairing = self.pairings.get(place)
            if pairing is None or pairing.ended.is_set():
                pairing = self._begin(deployment, owed, self._forget)
                self.pairings[place] = pairing
            pairing.retired, pairing.over = not challenges, False
            pairing.responder.beside(deployment.version(deployment.main))
        self._retire(self.pairings.keys() - places.keys())

    @property
    def running(self) -> list[Pairing]:
        """Readers that have not ended."""
        return [pairing for pairing in self.pairings.values() if not pairing.ended.is_set()]

    @property
    def known(self) -> bool:
        """Whether a snapshot was taken up."""
        return self._snapshot is not None

    def report(self) -> FollowerReport:
        """What the registry is told: a release counts once all its challengers are loaded."""
        deployments = () if self._snapshot is None else self._snapshot.deployments
        waiting = {
            pairing.deployment: pairing.failure
            for pairing in self.running
            if not pairing.loaded and not pairing.retired
        }
        return FollowerReport(
            instance=self._instance,
            component=Component.CHALLENGER,
            releases={d.name: d.release for d in deployments if d.name not in waiting},
            failures={p.deployment: p.failure for p in self.running if p.failure is not None},
            used=dict(self.uses.untold()),
        )

    @property
    def in_use(self) -> list[ServedVersion]:
        """Versions whose files readers may need: also those that no snapshot names any more."""
        versions = (
            []
            if self._snapshot is None
            else [
                deployment.version(number)
                for deployment in self._snapshot.deployments
                for number in (deployment.main, *(owed.version for owed in deployment.pairings))
            ]
        )
        return [*versions, *(pairing.responder.served for pairing in self.running)]

    @property
    def owed(self) -> dict[str, set[int]]:
        """By deployment: the versions that owe pairs, or whose reader has not ended."""
        deployments = () if self._snapshot is None else self._snapshot.deployments
        found = {d.name: {owed.version for owed in d.pairings} for d in deployments}
        for pairing in self.running:
            found.setdefault(pairing.deployment, set()).add(pairing.version)
        return found

    def _retire(self, places: Collection[Place]) -> None:
        for place in places:
            self.pairings[place].retired = self.pairings[place].over = True
        self._forget()

    def _forget(self) -> None:
        """Readers that have ended and whose pairs nobody counts on."""
        ended = [
            p for p, pairing in self.pairings.items() if pairing.over and pairing.ended.is_set()
        ]
        for place in ended:
            del self.pairings[place]


def _place(deployment: DeploymentSnapshot, owed: Owed) -> Place:
    return deployment.name, owed.version, deployment.version(owed.version).artifact
