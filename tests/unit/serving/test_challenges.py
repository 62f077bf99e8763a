"""Readers run for versions that owe pairs, and what has ended is let go."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry

from services.serving.metrics import ChallengerMetrics
from services.serving.operations.challenges import Challenges
from services.serving.operations.pairing import Pairing, ReadingLimits
from services.serving.ports import Backlog, Delivery
from tests.fakes.challengers import FakeResponder
from tests.fakes.serving import LengthRunner, deployment, ruled
from understudy.contracts.registry import DeploymentSnapshot, Snapshot
from understudy.contracts.registry import Pairing as Owed

pytestmark = pytest.mark.anyio


class EmptyInbox:
    """Implements `ports.Inbox` where nothing ever arrives."""

    async def open(self, since: datetime) -> None:
        """There is a place."""

    async def unfinished(self, after: bytes, most: int) -> list[Delivery]:
        del after, most
        return []

    async def abandoned(self, most: int) -> list[Delivery]:
        del most
        return []

    async def arrived(self, most: int) -> list[Delivery]:
        del most
        return []

    async def finish(self, entries: Sequence[bytes], pairs: Mapping[bytes, bytes]) -> bool:
        raise NotImplementedError

    async def acknowledge(self, entries: Sequence[bytes]) -> int:
        raise NotImplementedError

    async def backlog(self) -> Backlog:
        return Backlog(0, 0, 0.0)

    async def leave(self) -> bool:
        return True


class Versions:
    """Makes readers, on a clock of its own."""

    def __init__(self, metrics: ChallengerMetrics | None = None) -> None:
        self.clock = 0.0
        self.responders: list[FakeResponder] = []
        self._metrics = metrics or ChallengerMetrics(CollectorRegistry())

    def begin(
        self, deployment: DeploymentSnapshot, owed: Owed, on_end: Callable[[], None]
    ) -> Pairing:
        self.responders.append(FakeResponder(deployment.version(owed.version), LengthRunner()))
        return Pairing(
            deployment.name,
            owed.version,
            owed.since,
            responder=self.responders[-1],
            inbox=EmptyInbox(),
            metrics=self._metrics,
            limits=ReadingLimits(10, 10, 0.0, 60.0),
            on_end=on_end,
            clock=lambda: self.clock,
        )


def flowers(release: int, challengers: tuple[int, ...], owed: tuple[int, ...] = (2,)) -> Snapshot:
    """A deployment whose version 2 owes pairs, as a challenger or from before."""
    wanted = deployment([ruled(1), ruled(2)], release=release, challengers=owed)
    wanted = DeploymentSnapshot.model_validate({**dict(wanted), "challengers": challengers})
    return Snapshot(sequence=release, deployments=(wanted,))


def test_the_registry_is_told_which_keys_were_used() -> None:
    challenges, noon = (
        Challenges(Versions().begin, "here:1"),
        datetime(2026, 11, 21, 12, tzinfo=UTC),
    )
    challenges.uses.note("a", noon)
    report = challenges.report()
    assert report.used == {"a": noon}
    challenges.uses.told(report.used)
    assert challenges.report().used == {}


async def test_a_release_counts_when_its_challengers_are_loaded() -> None:
    versions = Versions()
    challenges = Challenges(versions.begin, "here:1")
    challenges.take_up(flowers(1, (2,)))
    (pairing,) = challenges.running
    assert challenges.report().releases == {}
    versions.responders[0].failure = ValueError("no skops file")
    with pytest.raises(ValueError, match="no skops file"):
        await pairing.step()
    pairing.note_failure(versions.responders[0].failure)
    assert challenges.report().failures == {"flowers": "ValueError: no skops file"}
    versions.responders[0].failure = None
    await pairing.step()
    assert challenges.report().releases == {"flowers": 1}
    assert versions.responders[0].mains == [1]


async def test_a_version_that_owes_no_pairs_any_more_ends_and_may_come_back() -> None:
    versions = Versions()
    challenges = Challenges(versions.begin, "here:1")
    challenges.take_up(flowers(1, (2,)))
    (pairing,) = challenges.running
    await pairing.step()
    challenges.take_up(flowers(2, ()))
    assert (pairing.retired, pairing.over) == (True, False)
    challenges.take_up(flowers(3, (), owed=()))
    assert pairing.over
    assert 2 in {version.version for version in challenges.in_use}
    versions.clock += 61.0
    for _ in range(3):
        await pairing.step()
    assert pairing.ended.is_set()
    assert challenges.pairings == {}
    assert {version.version for version in challenges.in_use} == {1}
    challenges.take_up(flowers(4, (2,)))
    assert challenges.running != [pairing]
