"""The state in numbers, from the snapshot and from what followers report."""

from services.registry.domain.figures import Figures, Released, expiring
from services.registry.operations.followers import Followers, Heard
from services.registry.operations.reach import Clock
from services.registry.operations.snapshots import Snapshots
from services.registry.ports import Served


class Measures:
    """What a scrape is told: the same by every replica."""

    def __init__(self, snapshots: Snapshots, followers: Followers, clock: Clock) -> None:
        self._snapshots = snapshots
        self._followers = followers
        self._clock = clock

    def figures(self) -> Figures:
        """As they are now."""
        state, snapshot = self._snapshots.basis()
        heard = self._followers.heard()
        return Figures(
            sequence=state.sequence,
            keys_active=len(snapshot.keys),
            keys_expiring=expiring(state.keys, self._clock()),
            releases=tuple(_released(served, heard) for served in state.deployments),
            versions=state.versions,
            followers=heard.counts(),
            backed_up_at=state.backed_up_at,
        )


def _released(served: Served, heard: Heard) -> Released:
    current = served.history[-1]
    standing = heard.standing(current.deployment, current.number)
    return Released(current, standing.deployed, standing.running)
