"""Which challenger versions owe pairs, as the registry's snapshot has it, and how they fare."""

from collections.abc import Callable, Collection, Sequence

from services.serving.domain.scoring import Loaded
from services.serving.metrics import ChallengerMetrics
from services.serving.operations.pairing import Pairing
from services.serving.ports import Inbox, Library
from understudy.contracts.registry import DeploymentSnapshot, FollowerReport, Snapshot
from understudy.contracts.registry import Pairing as Owed
from understudy.contracts.vocabulary import Component

Place = tuple[str, int, str]
"""Deployment, version, artifact."""


class Challenges:
    """The readers that should run. A retired one ends by itself and is not begun again."""

    def __init__(
        self,
        library: Library,
        inbox: Callable[[str, int], Inbox],
        metrics: ChallengerMetrics,
        instance: str,
    ) -> None:
        self._library = library
        self._inbox = inbox
        self._metrics = metrics
        self._instance = instance
        self._snapshot: Snapshot | None = None
        self._trusted: Sequence[str] = ()
        self.pairings: dict[Place, Pairing] = {}

    def take_up(self, snapshot: Snapshot) -> None:
        """Have a reader for each version that owes pairs."""
        self._snapshot, self._trusted = snapshot, snapshot.trusted_types
        places = {
            _place(deployment, owed): (deployment, owed)
            for deployment in snapshot.deployments
            for owed in deployment.pairings
        }
        for place, (deployment, owed) in places.items():
            challenges = owed.version in deployment.challengers
            pairing = self.pairings.get(place)
            if pairing is None or (pairing.ended.is_set() and challenges):
                pairing = self._begin(deployment, owed)
                self.pairings[place] = pairing
            pairing.retired = not challenges
        self._retire(self.pairings.keys() - places.keys())
        self._let_go()

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
            if pairing.loaded is None and not pairing.retired
        }
        return FollowerReport(
            instance=self._instance,
            component=Component.CHALLENGER,
            releases={d.name: d.release for d in deployments if d.name not in waiting},
            failures={p.deployment: p.failure for p in self.running if p.failure is not None},
        )

    def _begin(self, deployment: DeploymentSnapshot, owed: Owed) -> Pairing:
        served = deployment.version(owed.version)

        async def load() -> Loaded:
            return await self._library.load(deployment.model, served, self._trusted)

        return Pairing(
            deployment.name,
            owed.version,
            owed.since,
            load=load,
            inbox=self._inbox(deployment.name, owed.version),
            metrics=self._metrics,
            on_end=self._let_go,
        )

    def _let_go(self) -> None:
        """Keep the versions of those readers alone that have not ended."""
        deployments = () if self._snapshot is None else self._snapshot.deployments
        owed = [(d, owed.version) for d in deployments for owed in d.pairings]
        running = {(pairing.deployment, pairing.version) for pairing in self.running}
        self._library.keep([(d.model, d.version(n)) for d, n in owed if (d.name, n) in running])

    def _retire(self, places: Collection[Place]) -> None:
        for place in places:
            self.pairings[place].retired = True
            if self.pairings[place].ended.is_set():
                del self.pairings[place]


def _place(deployment: DeploymentSnapshot, owed: Owed) -> Place:
    return deployment.name, owed.version, deployment.version(owed.version).artifact
