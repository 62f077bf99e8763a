"""`kill -9` of each process under load: what is lost is what a killed worker had not answered."""

import asyncio
import os
import signal
import time
from collections.abc import Callable

import pytest

from tests.chaos.processes import workers
from tests.cluster import LaptopCluster
from tests.settling import Counted, settle
from tests.traffic import Traffic, count_log

PER_SECOND = 250.0
BEFORE_SECONDS, AFTER_SECONDS = 3.0, 12.0


def kill_one_worker(cluster: LaptopCluster) -> None:
    """SIGKILL for one of the processes that answer requests, not for their supervisor."""
    os.kill(min(workers(cluster)), signal.SIGKILL)


def kill(name: str) -> Callable[[LaptopCluster], None]:
    def act(cluster: LaptopCluster) -> None:
        cluster.kill(name)

    return act


def under_load(
    cluster: LaptopCluster, name: str, act: Callable[[LaptopCluster], None], after_seconds: float
) -> Traffic:
    traffic = Traffic(
        cluster.serving_url,
        cluster.example.deployment,
        cluster.example.key,
        cluster.example.row,
        PER_SECOND,
        prefix=f"chaos-{name}",
    )

    async def story() -> None:
        sending = asyncio.create_task(traffic.run())
        await asyncio.sleep(BEFORE_SECONDS)
        await asyncio.to_thread(act, cluster)
        await asyncio.sleep(after_seconds)
        traffic.stop()
        await sending

    asyncio.run(story())
    return traffic


def check_nothing_is_lost(cluster: LaptopCluster, traffic: Traffic) -> Counted:
    """Every answered id is in the log once, has its pair once, and was seen by the monitor."""
    counts = settle(cluster)
    log = count_log(cluster.redis_url, cluster.example.deployment)
    assert traffic.answered
    assert traffic.answered <= set(log.predictions)
    assert log.paired == log.owed
    assert max(log.predictions.values()) == 1
    assert (counts.monitored, counts.monitored_pairs) == (counts.log, counts.pairs)
    return counts


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("name", "act", "may_fail"),
    [
        ("challenger", kill("challenger"), 0),
        ("monitor", kill("monitor"), 0),
        ("registry", kill("registry"), 0),
        ("redis", kill("redis"), 0),
        # Requests in flight on the killed worker: at this rate a handful.
        ("worker", kill_one_worker, 64),
    ],
)
def test_a_killed_process_comes_back_and_nothing_answered_is_lost(
    loaded_cluster: LaptopCluster,
    name: str,
    act: Callable[[LaptopCluster], None],
    may_fail: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    traffic = under_load(loaded_cluster, name, act, AFTER_SECONDS)
    counts = check_nothing_is_lost(loaded_cluster, traffic)
    with capsys.disabled():
        print(f"\nkill -9 {name}: {len(traffic.replies)} requests, {len(traffic.failed)} failed")
        print(f"  {counts}")
    assert len(traffic.failed) <= may_fail


@pytest.mark.timeout(240)
def test_redis_hanging_for_a_minute_stops_no_answer(
    loaded_cluster: LaptopCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    def hang_for_a_minute(cluster: LaptopCluster) -> None:
        os.kill(cluster.pid("redis"), signal.SIGSTOP)
        time.sleep(60)  # the fault itself, not a wait for something
        os.kill(cluster.pid("redis"), signal.SIGCONT)

    traffic = under_load(loaded_cluster, "hang", hang_for_a_minute, AFTER_SECONDS)
    counts = check_nothing_is_lost(loaded_cluster, traffic)
    slowest = max(reply.seconds for reply in traffic.replies)
    with capsys.disabled():
        print(f"\nredis stopped for 60 s: {len(traffic.replies)} requests, ", end="")
        print(f"{len(traffic.failed)} failed, slowest {slowest:.2f} s; {counts}")
    assert traffic.failed == []
