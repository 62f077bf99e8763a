"""Promote, swap and rollback under load: no caller notices, and every count agrees."""

import asyncio
import math
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import pytest

from tests.chaos.bulk import until
from tests.cluster import LaptopCluster
from tests.fakes.serving import eventually
from tests.settling import Counted, counted, metric, predictions_in_metrics, settle
from tests.traffic import Traffic, count_log
from understudy.client import RegistryClient
from understudy.contracts.registry import ReleaseRequest, ReleaseView
from understudy.contracts.vocabulary import Component, ReleaseKind

ROUNDS = 20
ROLLBACKS = 100
PER_SECOND = 250.0
SETTLE_SECONDS = 1.2
SWITCHED_SECONDS = 30.0
PUBLISHED_SECONDS = 10.0
SWITCH: Final = "understudy_release_switch_seconds"
BOUNDS: Final = ("0.05", "0.1", "0.2", "0.5", "1.0", "2.0", "5.0", "10.0", "30.0", "+Inf")


def kinds() -> Iterator[ReleaseKind]:
    for _ in range(ROUNDS):
        yield from (ReleaseKind.PROMOTE, ReleaseKind.SWAP, ReleaseKind.ROLLBACK)


def change(registry: RegistryClient, deployment: str, kind: ReleaseKind) -> tuple[int, int]:
    """Make one release; returns main before and after."""
    current = registry.deployment(deployment).current
    version = current.challengers[0] if kind is ReleaseKind.PROMOTE else None
    made = registry.release(deployment, ReleaseRequest(kind=kind, version=version))
    return current.main, made.main


def loaded(cluster: LaptopCluster, prefix: str) -> Traffic:
    """Traffic for the example."""
    example = cluster.example
    return Traffic(
        cluster.serving_url, example.deployment, example.key, example.row, PER_SECOND, prefix
    )


def under(traffic: Traffic, story: Callable[[], Awaitable[None]]) -> None:
    """Run the story beside the traffic."""

    async def both() -> None:
        sending = asyncio.create_task(traffic.run())
        try:
            await story()
        finally:
            traffic.stop()
            await sending

    asyncio.run(both())


def check_counts(cluster: LaptopCluster, traffic: Traffic, before: Counted) -> Counted:
    """What clients, metrics, log, pairs and monitor counted is the same, by id where there are."""
    deployment, answered = cluster.example.deployment, len(traffic.answered)
    after = settle(cluster)
    log = count_log(cluster.redis_url, deployment)
    assert eventually(lambda: published(cluster, before, answered), PUBLISHED_SECONDS) == answered
    assert after.log - before.log == answered
    assert after.pairs - before.pairs == answered
    assert after.monitored == after.log
    assert after.monitored_pairs == after.pairs
    assert traffic.answered <= set(log.predictions)
    assert log.paired == log.owed
    assert max(log.predictions.values()) == 1
    return after


def published(cluster: LaptopCluster, before: Counted, answered: int) -> int:
    """Rows in serving's metrics, once they are as many as were answered: workers tell later."""
    found = predictions_in_metrics(cluster, cluster.example.deployment) - before.metrics
    return found if found >= answered else 0


def answers(traffic: Traffic, version: int, since: float) -> bool:
    """Whether answers to what was asked since then come from that version alone by now."""
    last = traffic.replies[-20:]
    return all(reply.version == version and reply.started > since for reply in last)


def latencies(traffic: Traffic) -> str:
    return (
        f"p50 {traffic.quantile(0.5) * 1e3:.1f} ms, p99 {traffic.quantile(0.99) * 1e3:.1f} ms, "
        f"slowest {traffic.quantile(1) * 1e3:.0f} ms"
    )


@pytest.mark.timeout(400)
def test_sixty_switches_under_load_lose_nothing(
    loaded_cluster: LaptopCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster, before = loaded_cluster, counted(loaded_cluster)
    traffic, taken = loaded(cluster, "switch"), list[float]()

    async def story() -> None:
        for kind in kinds():
            await asyncio.sleep(SETTLE_SECONDS)  # the rate of switching
            deployment = cluster.example.deployment
            old, new = await asyncio.to_thread(change, cluster.registry, deployment, kind)
            assert new != old
            made = time.monotonic()
            await until(lambda: answers(traffic, new, made), SWITCHED_SECONDS, "the new main")  # noqa: B023
            taken.append(traffic.last_answer_by(old, made, SWITCHED_SECONDS))

    under(traffic, story)
    after = check_counts(cluster, traffic, before)
    with capsys.disabled():
        print(
            f"\n{len(traffic.replies)} requests at {PER_SECOND:g}/s, {len(traffic.failed)} failed; "
            f"{len(taken)} switches, old version last seen after "
            f"{statistics.median(taken):.3f} s (median), {max(taken):.3f} s (worst)\n"
            f"{latencies(traffic)}\ncounted {after}"
        )
    assert traffic.failed == []


@dataclass(slots=True)
class Rollbacks:
    """There and back between two releases, each time when all workers have followed."""

    cluster: LaptopCluster
    traffic: Traffic
    seen: list[float] = field(default_factory=list)
    """Seconds from each decision until the former main was asked last."""
    known: list[float] = field(default_factory=list)
    """And until the registry knew that all workers had switched."""

    async def run(self) -> None:
        """Rollback after rollback."""
        first, second = await asyncio.to_thread(self._two_releases)
        await self._await_taken_up(second)
        for number in range(ROLLBACKS):
            await self._roll_back((first, second)[number % 2])

    def _two_releases(self) -> tuple[ReleaseView, ReleaseView]:
        registry, deployment = self.cluster.registry, self.cluster.example.deployment
        first = registry.deployment(deployment).current
        promote = ReleaseRequest(kind=ReleaseKind.PROMOTE, version=first.challengers[0])
        return first, registry.release(deployment, promote)

    async def _roll_back(self, target: ReleaseView) -> None:
        registry, deployment = self.cluster.registry, self.cluster.example.deployment
        former = registry.deployment(deployment).current.main
        wanted = ReleaseRequest(kind=ReleaseKind.ROLLBACK, release=target.release)
        made = await asyncio.to_thread(registry.release, deployment, wanted)
        assert made.main == target.main != former
        # The registry's clock is this machine's.
        decided = time.monotonic() - (time.time() - made.released_at.timestamp())
        await self._await_taken_up(made)
        self.known.append(time.monotonic() - decided)
        settled = lambda: answers(self.traffic, made.main, decided)  # noqa: E731
        await until(settled, SWITCHED_SECONDS, "the new main")
        self.seen.append(self.traffic.last_answer_by(former, decided, SWITCHED_SECONDS))

    async def _await_taken_up(self, made: ReleaseView) -> None:
        taken_up = lambda: self._taken_up(made)  # noqa: E731
        await asyncio.to_thread(eventually, taken_up, SWITCHED_SECONDS)

    def _taken_up(self, made: ReleaseView) -> bool:
        view = self.cluster.registry.deployment(made.deployment)
        serving = [f for f in view.followers if f.component is Component.SERVING]
        up_to_date = sum(follower.release >= made.release for follower in serving)
        return up_to_date >= self.cluster.serving_workers


def switches(cluster: LaptopCluster) -> dict[str, float]:
    """How many switches of a worker took up to so many seconds."""
    deployment = cluster.example.deployment
    return {
        bound: metric(cluster, "serving", f"{SWITCH}_bucket", deployment=deployment, le=bound)
        for bound in BOUNDS
    }


@pytest.mark.timeout(400)
def test_a_hundred_rollbacks_under_load(
    loaded_cluster: LaptopCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster, before = loaded_cluster, counted(loaded_cluster)
    switched_before = switches(cluster)
    traffic = loaded(cluster, "rollback")
    rollbacks = Rollbacks(cluster, traffic)
    under(traffic, rollbacks.run)
    after = check_counts(cluster, traffic, before)
    switched = {bound: count - switched_before[bound] for bound, count in switches(cluster).items()}
    with capsys.disabled():
        print(
            f"\n{ROLLBACKS} rollbacks, {len(traffic.replies)} requests at {PER_SECOND:g}/s, "
            f"{len(traffic.failed)} failed; {latencies(traffic)}\n"
            f"  old main asked last, after the decision: {_spread(rollbacks.seen)}\n"
            f"  registry knows of the last worker:       {_spread(rollbacks.known)}\n"
            f"  {SWITCH}, of {switched['+Inf']:.0f}: "
            + ", ".join(f"≤ {bound} s {count:.0f}" for bound, count in switched.items() if count)
            + f"\ncounted {after}"
        )
    assert traffic.failed == []
    # And once more when the first of both releases was left.
    assert switched["+Inf"] == (ROLLBACKS + 1) * cluster.serving_workers


def _spread(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    p50, p99 = (ordered[math.ceil(share * len(ordered)) - 1] for share in (0.5, 0.99))
    return f"p50 {p50 * 1e3:.0f} ms, p99 {p99 * 1e3:.0f} ms, slowest {ordered[-1] * 1e3:.0f} ms"
