"""Promote, swap and rollback under load: no caller notices, and every count agrees."""

import asyncio
import statistics
import time
from collections.abc import Iterator

import pytest

from tests.cluster import LaptopCluster
from tests.settling import counted, settle
from tests.traffic import Traffic, count_log
from understudy.client import RegistryClient
from understudy.contracts.registry import ReleaseRequest
from understudy.contracts.vocabulary import ReleaseKind

ROUNDS = 20
PER_SECOND = 250.0
SETTLE_SECONDS = 1.2


def kinds() -> Iterator[ReleaseKind]:
    for _ in range(ROUNDS):
        yield from (ReleaseKind.PROMOTE, ReleaseKind.SWAP, ReleaseKind.ROLLBACK)


def change(registry: RegistryClient, deployment: str, kind: ReleaseKind) -> tuple[int, int]:
    """Make one release; returns main before and after."""
    current = registry.deployment(deployment).current
    version = current.challengers[0] if kind is ReleaseKind.PROMOTE else None
    made = registry.release(deployment, ReleaseRequest(kind=kind, version=version))
    return current.main, made.main


@pytest.mark.timeout(400)
def test_sixty_switches_under_load_lose_nothing(
    loaded_cluster: LaptopCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = loaded_cluster
    deployment, before = cluster.example.deployment, counted(cluster)
    traffic = Traffic(
        cluster.serving_url, deployment, cluster.example.key, cluster.example.row, PER_SECOND
    )

    async def story() -> list[tuple[int, int, float]]:
        sending = asyncio.create_task(traffic.run())
        made = list[tuple[int, int, float]]()
        for kind in kinds():
            await asyncio.sleep(SETTLE_SECONDS)
            old, new = await asyncio.to_thread(change, cluster.registry, deployment, kind)
            assert new != old
            made.append((old, new, time.monotonic()))
        await asyncio.sleep(SETTLE_SECONDS)
        traffic.stop()
        await sending
        return made

    changes = asyncio.run(story())
    taken = [traffic.last_answer_by(old, at, SETTLE_SECONDS) for old, _, at in changes]
    after = settle(cluster)
    log = count_log(cluster.redis_url, deployment)
    with capsys.disabled():
        print(
            f"\n{len(traffic.replies)} requests at {PER_SECOND:g}/s, {len(traffic.failed)} failed; "
            f"{len(changes)} switches, old version last seen after "
            f"{statistics.median(taken):.3f} s (median), {max(taken):.3f} s (worst)\n"
            f"p50 {traffic.quantile(0.5) * 1e3:.1f} ms, p99 {traffic.quantile(0.99) * 1e3:.1f} ms, "
            f"slowest {traffic.quantile(1) * 1e3:.0f} ms\n"
            f"counted {after}"
        )
    seconds = len(changes) * SETTLE_SECONDS
    assert len(traffic.replies) > 0.9 * PER_SECOND * seconds
    assert traffic.failed == []
    assert max(taken) < 1.0
    assert all(traffic.answers_by(new, at, SETTLE_SECONDS) for _, new, at in changes)
    answered = len(traffic.answered)
    assert after.metrics - before.metrics == answered
    assert after.log - before.log == answered
    assert after.pairs - before.pairs == answered
    assert after.monitored == after.log
    assert after.monitored_pairs == after.pairs
    assert traffic.answered <= set(log.predictions)
    assert set(log.predictions) == set(log.pairs)
    assert max(log.predictions.values()) == max(log.pairs.values()) == 1
