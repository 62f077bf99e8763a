"""Three serving instances behind a load balancer, replaced one after the other under load.

Signals and times are those of Kubernetes: the pause of `preStop` and the news of the instance's
going begin together, SIGTERM comes when the pause is over, SIGKILL when the grace is.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from sklearn.linear_model import LogisticRegression

from tests.chaos.flowers import Flowers, fitted, plant, row
from tests.cluster import laptop_cluster
from tests.load.haproxy import HAPROXY, Balancer, balancer
from tests.load.haproxy_instances import Instance
from tests.traffic import LogCount, LogReader, Traffic

pytestmark = pytest.mark.skipif(HAPROXY is None, reason="haproxy is not installed")

REQUESTS: Final = 10_000
PER_SECOND: Final = 150.0
NEWS_SECONDS: Final = 1.0
"""How long it takes a balancer of Kubernetes to hear of an endpoint that comes or goes."""
GRACE_SECONDS: Final = 30.0
"""`terminationGracePeriodSeconds`, which holds `preStop` as well."""
SETTLED_SECONDS: Final = 120.0
WORKERS: Final = {"a": 1, "b": 2, "c": 2}


@dataclass(frozen=True, slots=True)
class Way:
    """How an instance goes, and how the balancer hears of it."""

    name: str
    pre_stop_seconds: float
    checks: bool
    """The balancer asks `/readyz`; else it is told, after a while."""
    retries: int
    """How often a connection that was refused is tried elsewhere."""


WAYS: Final = (
    Way("told by endpoints, preStop 3 s", 3.0, checks=False, retries=0),
    Way("health checks, preStop 3 s", 3.0, checks=True, retries=3),
    Way("health checks, no preStop", 0.0, checks=True, retries=3),
)


@pytest.fixture(scope="module")
def flowers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flowers]:
    folder = tmp_path_factory.mktemp("rolling")
    with laptop_cluster(folder, serving_workers=1) as cluster:
        models = {str(seed): fitted(LogisticRegression(), seed) for seed in (0, 1)}
        yield plant(cluster, "flowers", models)


@pytest.fixture(scope="module")
def instances(flowers: Flowers) -> Iterator[Sequence[Instance]]:
    found = [Instance(name, flowers.cluster, workers) for name, workers in WORKERS.items()]
    try:
        for instance in found:
            instance.start()
        for instance in found:
            instance.await_ready()
        yield found
    finally:
        for instance in found:
            instance.terminate(GRACE_SECONDS)


class Replacing:
    """Replaces every instance, and notes how long each took to go and to be back."""

    def __init__(self, way: Way, before: Balancer, instances: Sequence[Instance]) -> None:
        self._way = way
        self._balancer = before
        self._instances = instances
        self.going: list[float] = []
        """Seconds from SIGTERM to the end of the process."""
        self.taken: list[float] = []

    async def run(self) -> None:
        for instance in self._instances:
            began = time.monotonic()
            await self._replace(instance)
            self.taken.append(time.monotonic() - began)

    async def _replace(self, instance: Instance) -> None:
        told = asyncio.create_task(self._tell(self._balancer.remove, instance.name))
        await asyncio.sleep(self._way.pre_stop_seconds)
        left = GRACE_SECONDS - self._way.pre_stop_seconds
        self.going.append(await asyncio.to_thread(instance.terminate, left))
        await told
        instance.start()
        await asyncio.to_thread(instance.await_ready)
        await self._tell(self._balancer.add, instance.name)
        while not self._balancer.is_up(instance.name):  # noqa: ASYNC110 - HAProxy tells nobody
            await asyncio.sleep(0.1)

    async def _tell(self, news: Callable[[str], None], name: str) -> None:
        if not self._way.checks:
            await asyncio.sleep(NEWS_SECONDS)
            news(name)


async def under(traffic: Traffic, act: Callable[[], Awaitable[None]]) -> None:
    """Act beside the traffic, which goes on until it is enough."""
    sending = asyncio.create_task(traffic.run())
    try:
        await asyncio.sleep(NEWS_SECONDS)
        await act()
        while len(traffic.replies) < REQUESTS:  # noqa: ASYNC110 - so many are the load
            await asyncio.sleep(0.1)
    finally:
        traffic.stop()
        await sending


def settled(flowers: Flowers) -> tuple[LogCount, int]:
    """The log, and the predictions that the monitor counted, once nothing is due any more."""
    reader = LogReader(flowers.cluster.redis_url, flowers.name)
    end = time.monotonic() + SETTLED_SECONDS
    while True:
        log = reader.read()
        totals = flowers.cluster.monitor.assessment(flowers.name).totals
        monitored = sum(totals.predictions.values())
        done = log.paired == log.owed and monitored == log.predictions.total()
        if done or time.monotonic() > end:
            return log, monitored
        time.sleep(0.5)


@pytest.mark.timeout(480)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_no_request_fails_while_each_instance_is_replaced(
    way: Way,
    flowers: Flowers,
    instances: Sequence[Instance],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ports = {each.name: each.port for each in instances}
    with balancer(tmp_path, ports, checks=way.checks, retries=way.retries) as before:
        prefix = f"roll-{WAYS.index(way)}"
        traffic = Traffic(before.url, flowers.name, flowers.key, row, PER_SECOND, prefix)
        replacing = Replacing(way, before, instances)
        asyncio.run(under(traffic, replacing.run))
    log, monitored = settled(flowers)
    with capsys.disabled():
        print(
            f"\n{way.name}: {len(traffic.replies)} requests at {PER_SECOND:g}/s, "
            f"{len(traffic.failed)} failed; p50 {traffic.quantile(0.5) * 1e3:.1f} ms, "
            f"p99 {traffic.quantile(0.99) * 1e3:.1f} ms, "
            f"slowest {traffic.quantile(1) * 1e3:.0f} ms; seconds per replacement "
            f"{_seconds(replacing.taken)}, of that from SIGTERM to the end "
            f"{_seconds(replacing.going)}; load average {os.getloadavg()[0]:.0f}"
        )
    assert traffic.failed == []
    assert len(traffic.answered) >= REQUESTS
    assert traffic.answered <= set(log.predictions)
    assert max(log.predictions.values()) == 1
    assert log.paired == log.owed
    assert monitored == log.predictions.total()
    assert max(replacing.going) < GRACE_SECONDS - way.pre_stop_seconds


def _seconds(found: Sequence[float]) -> str:
    return ", ".join(f"{each:.1f}" for each in found)
