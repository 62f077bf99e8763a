"""Readers run for versions that owe pairs, and what has ended is let go."""

from datetime import datetime

import pytest
from prometheus_client import CollectorRegistry

from services.serving.metrics import ChallengerMetrics
from services.serving.operations.challenges import Challenges
from services.serving.ports import Backlog, Delivery
from tests.fakes.serving import RuleLibrary, deployment, ruled
from understudy.contracts.events import PairBatch
from understudy.contracts.registry import DeploymentSnapshot, Snapshot

pytestmark = pytest.mark.anyio


class EmptyInbox:
    """Implements `ports.Inbox` where nothing ever arrives."""

    async def open(self, since: datetime) -> None:
        """There is a place."""

    async def unfinished(self, after: bytes) -> list[Delivery]:
        del after
        return []

    async def abandoned(self) -> list[Delivery]:
        return []

    async def arrived(self) -> list[Delivery]:
        return []

    async def finish(self, entry: bytes, pairs: PairBatch | None) -> bool:
        raise NotImplementedError

    async def backlog(self) -> Backlog:
        return Backlog(0, 0.0)


def flowers(release: int, challengers: tuple[int, ...]) -> Snapshot:
    """A deployment whose version 2 owes pairs, as a challenger or from before."""
    wanted = deployment([ruled(1), ruled(2)], release=release, challengers=(2,))
    wanted = DeploymentSnapshot.model_validate({**dict(wanted), "challengers": challengers})
    return Snapshot(sequence=release, deployments=(wanted,))


async def test_a_reader_that_has_ended_lets_its_model_go() -> None:
    library = RuleLibrary()
    metrics = ChallengerMetrics(CollectorRegistry())
    challenges = Challenges(library, lambda *_: EmptyInbox(), metrics, "here:1")
    challenges.take_up(flowers(1, (2,)))
    (pairing,) = challenges.running
    await pairing.step()
    await pairing.watch()
    assert [version.version for _, version in library.kept] == [2]
    challenges.take_up(flowers(2, ()))
    assert pairing.retired
    assert [version.version for _, version in library.kept] == [2]
    pairing._end()
    assert pairing.loaded is None
    assert library.kept == []
    challenges.take_up(flowers(3, (2,)))
    assert [version.version for _, version in library.kept] == [2]
    assert challenges.running != [pairing]
