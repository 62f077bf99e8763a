"""100,000 rows answered while Redis, a worker and the challenger are killed and the disk fills up.

Afterwards clients, log, pairs, metrics and monitor are compared by id. FAULT_ROWS in the
environment is for a quicker look.
"""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from services.serving.metrics.log import LogState
from tests.chaos.bulk import BATCH, Bulk, until
from tests.chaos.flowers import Flowers, fitted, plant
from tests.chaos.processes import is_zombie, launcher_stopped, workers
from tests.cluster import LaptopCluster, laptop_cluster
from tests.settling import metric
from tests.traffic import LogCount, LogReader
from understudy.contracts.policy import Policy
from understudy.contracts.vocabulary import Durability

ROWS: Final = int(os.environ.get("FAULT_ROWS", "100000"))
PER_SECOND: Final = 1_400.0
RELAXED_ROWS: Final = 200
SPOOL_BYTES: Final = 384 * 1_024
RECOVERY_SECONDS: Final = 90.0


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[LaptopCluster]:
    """A new one for each test: the launcher starts what dies often later and later."""
    settings = {
        "LOG_SPOOL_BYTES": str(SPOOL_BYTES),
        "LOG_RELAXED_ROWS": str(RELAXED_ROWS),
        "HEARTBEAT_SECONDS": "1",
    }
    with laptop_cluster(tmp_path, settings=settings) as running:
        yield running


@dataclass(slots=True)
class Faults:
    """What is done to a cluster under load, and how long it took to recover."""

    flowers: Flowers
    traffic: Bulk
    took: list[tuple[str, float]] = field(default_factory=list)
    kills: Counter[str] = field(default_factory=Counter)

    async def run(self) -> None:
        """One after the other, each once so many rows are answered; then the rest of the rows."""
        plan: list[tuple[float, str, Callable[[], None]]] = [
            (0.05, "Redis killed once", self._kill_redis),
            (0.20, "challenger killed", self._kill_challenger),
            (0.35, "Redis and a worker killed", self._kill_redis_and_worker),
            (0.60, "Redis killed again", self._kill_redis),
            (0.75, "Redis gone until the spool is full", self._fill_spool),
        ]
        for share, what, act in plan:
            await self._await_rows(share * ROWS)
            begun = time.monotonic()
            await asyncio.to_thread(act)
            await until(self.drained, RECOVERY_SECONDS, f"an empty spool: {what}")
            self.took.append((what, time.monotonic() - begun))
        await self._await_rows(ROWS)

    async def _await_rows(self, rows: float) -> None:
        await until(lambda: len(self.traffic.answered) >= rows, 150.0, f"{rows:g} answers")

    def _kill_redis(self) -> None:
        self.kills["redis"] += 1
        cluster = self.flowers.cluster
        cluster.await_restart("redis", cluster.kill("redis"))

    def _kill_challenger(self) -> None:
        cluster = self.flowers.cluster
        cluster.await_restart("challenger", cluster.kill("challenger"))

    def _kill_redis_and_worker(self) -> None:
        """What the worker had spooled is another one's business then."""
        cluster, self.kills["redis"] = self.flowers.cluster, self.kills["redis"] + 1
        old = workers(cluster)
        with launcher_stopped(cluster):
            self._end_redis()
            _await(lambda: self._gauge("spool_rows") > 0)
            self.kills["worker"] += 1
            os.kill(min(old), signal.SIGKILL)
        _await(lambda: min(old) not in (now := workers(cluster)) and len(now) == len(old))
        _await(lambda: cluster.ready("redis"))

    def _fill_spool(self) -> None:
        cluster = self.flowers.cluster
        before = self.dropped
        with launcher_stopped(cluster):
            self._end_redis()
            _await(lambda: self.dropped > before)
        _await(lambda: cluster.ready("redis"))

    def _end_redis(self) -> None:
        pid = self.flowers.cluster.kill("redis")
        _await(lambda: not psutil.pid_exists(pid) or is_zombie(pid))

    def drained(self) -> bool:
        return self._gauge("spool_rows") == 0 == self._gauge("buffered_rows")

    def _gauge(self, name: str) -> float:
        return metric(self.flowers.cluster, "serving", f"understudy_log_{name}")

    @property
    def dropped(self) -> int:
        return self.rows(LogState.DROPPED)

    def rows(self, state: LogState) -> int:
        """As the log's metrics have it."""
        name, labels = "understudy_log_rows_total", {"deployment": self.flowers.name}
        return round(metric(self.flowers.cluster, "serving", name, state=state, **labels))


def _await(holds: Callable[[], bool], seconds: float = RECOVERY_SECONDS) -> None:
    asyncio.run(until(holds, seconds, "recovery"))


@pytest.mark.timeout(400)
@pytest.mark.parametrize("durability", [Durability.STRICT, Durability.RELAXED])
def test_what_was_answered_is_in_the_log(
    cluster: LaptopCluster, durability: Durability, capsys: pytest.CaptureFixture[str]
) -> None:
    models = {"main": fitted(LogisticRegression()), "challenger": fitted(GaussianNB(), 1)}
    flowers = plant(cluster, durability.value, models, policy=Policy(durability=durability))
    traffic = Bulk(flowers, durability.value, PER_SECOND)
    faults = Faults(flowers, traffic)
    seconds = asyncio.run(under(traffic, faults))
    count = settled(flowers, faults)
    with capsys.disabled():
        print(told(durability, faults, count, seconds))
    check_log(durability, faults, count)
    check_pairs(flowers, count)
    check_metrics(durability, faults, count)


async def under(traffic: Bulk, faults: Faults) -> float:
    """Faults and traffic together; seconds that it took."""
    begun = time.monotonic()
    sending = asyncio.create_task(traffic.run())
    try:
        await faults.run()
    finally:
        traffic.stop()
        await sending
    return time.monotonic() - begun


def settled(flowers: Flowers, faults: Faults) -> LogCount:
    """Streams and monitor, once the log has all rows and every pair is there, or time is up."""
    reader = LogReader(flowers.cluster.redis_url, flowers.name)
    _await(faults.drained)
    deadline = time.monotonic() + RECOVERY_SECONDS
    while True:
        count = reader.read()
        whole = count.owed.keys() <= count.paired.keys()
        if (whole and monitored(flowers) == rows_of(count)) or time.monotonic() > deadline:
            return count
        time.sleep(0.5)


def monitored(flowers: Flowers) -> int:
    totals = flowers.cluster.monitor.assessment(flowers.name).totals
    return sum(totals.predictions.values())


def rows_of(count: LogCount) -> int:
    return count.predictions.total()


def check_log(durability: Durability, faults: Faults, count: LogCount) -> None:
    """Nothing is there twice; of what was answered, nothing is missing that need not be."""
    traffic = faults.traffic
    assert len(traffic.answered) >= ROWS
    assert max(count.predictions.values()) == 1
    assert faults.kills == {"redis": 3, "worker": 1}
    if durability is Durability.STRICT:
        assert traffic.answered <= count.predictions.keys()
        assert traffic.refused
    else:
        lost = len(traffic.answered - count.predictions.keys())
        unsaid = faults.dropped - len(traffic.refused)
        assert lost <= RELAXED_ROWS * faults.kills["worker"] + unsaid


def check_pairs(flowers: Flowers, count: LogCount) -> None:
    """Every row that owes a pair has it, once."""
    assert count.owed.total() == rows_of(count)
    assert count.paired == count.owed
    assert monitored(flowers) == rows_of(count)


def check_metrics(durability: Durability, faults: Faults, count: LogCount) -> None:
    """What the killed worker had under way was not counted by it; all the rest was."""
    uncounted = rows_of(count) - faults.rows(LogState.LOGGED) - faults.rows(LogState.REPLAYED)
    ahead = RELAXED_ROWS if durability is Durability.RELAXED else 0
    assert 0 <= uncounted <= faults.traffic.most_in_flight + ahead
    assert faults.dropped > 0


def told(durability: Durability, faults: Faults, count: LogCount, seconds: float) -> str:
    """The figures, for people."""
    traffic, logged = faults.traffic, count.predictions.keys()
    times = sorted(traffic.seconds)
    figures = {
        f"rows answered, one by one and {BATCH} at a time": len(traffic.answered),
        "seconds": round(seconds),
        **{f"rows not answered: {why}": rows for why, rows in sorted(traffic.failed.items())},
        **{f"{what}: seconds until the spool is empty": took for what, took in faults.took},
        "request p50, ms": times[len(times) // 2] * 1e3,
        "request p99, ms": times[len(times) * 99 // 100] * 1e3,
        "slowest request, s": times[-1],
        "rows in the log": rows_of(count),
        "ids in the log": len(logged),
        "answered and not in the log": len(traffic.answered - logged),
        "in the log and not answered": len(logged - traffic.answered),
        "in the log and refused": len(logged & traffic.refused),
        "pairs owed": count.owed.total(),
        "pairs there": count.paired.total(),
        **{f"metrics: rows {state}": faults.rows(state) for state in LogState},
    }
    lines = [f"  {what:<60}{_number(value):>10}" for what, value in figures.items()]
    return "\n".join([f"\n{durability}:", *lines])


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"
