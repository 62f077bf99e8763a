"""Rows gather and go together; what nobody takes is refused, and takes nothing else along."""

import asyncio
import time
from collections.abc import Sequence

import pytest
from prometheus_client import CollectorRegistry

from services.serving.adapters.lane_buffer import Buffer
from services.serving.adapters.lanes import (
    MOST_BYTES_PER_FLUSH,
    Lane,
    LaneRules,
    RefusedError,
)
from services.serving.metrics import LogMetrics
from understudy.runtime.loops import Backoff

pytestmark = pytest.mark.anyio

POISON = "poison"
LONG = 3_600.0


class FakeWay:
    """Implements `lanes.Way`: a Redis and a disk that work, fail, or hang, as a test wants."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, list[str]]] = []
        self.spooled: list[tuple[int, list[str]]] = []
        self.error: Exception | None = None
        self.hangs = False
        self.disk_takes = True
        self.disk_hangs = False
        self.attempts = 0
        self.attempted: asyncio.Queue[int] = asyncio.Queue()

    def prepare(self, records: Sequence[str], number: int) -> tuple[int, list[str]]:
        if POISON in records:
            raise OverflowError(f"can't encode {POISON}")
        return number, [*records]

    async def send(self, flush: tuple[int, list[str]]) -> None:
        self.attempts += 1
        self.attempted.put_nowait(self.attempts)
        await asyncio.sleep(LONG if self.hangs else 0)
        if self.error is not None:
            raise self.error
        self.sent.append(flush)

    async def spool(self, flush: tuple[int, list[str]]) -> bool:
        await asyncio.sleep(LONG if self.disk_hangs else 0)
        if self.disk_takes:
            self.spooled.append(flush)
        return self.disk_takes

    def behind(self) -> bool:
        return bool(self.spooled)

    @property
    def flushes(self) -> list[list[str]]:
        return [records for _, records in self.sent]


class World:
    def __init__(
        self,
        *,
        most_bytes: int = 100 * MOST_BYTES_PER_FLUSH,
        most_ahead: int = 10,
        spool_after_seconds: float = LONG,
        wait_seconds: float = LONG,
        lag_seconds: float = LONG,
    ) -> None:
        self.numbers = CollectorRegistry()
        self.way = FakeWay()
        metrics = LogMetrics(self.numbers)
        self.rules = LaneRules(
            buffer=Buffer(1_000, most_bytes, most_ahead, metrics),
            metrics=metrics,
            spool_after_seconds=spool_after_seconds,
            wait_seconds=wait_seconds,
            lag_seconds=lag_seconds,
            enough_rows=5,
            backoff=Backoff(0.001, 0.001),
        )
        self.lane = Lane("flowers", self.rules, self.way)

    async def append(self, *records: str, size: int = 1) -> list[bool]:
        waiting = [self.lane.append(record, 1, size, strict=True) for record in records]
        return [await safe for safe in waiting if safe is not None]

    def relaxed(self, record: str, rows: int = 1) -> asyncio.Future[bool] | None:
        return self.lane.append(record, rows, rows, strict=False)

    async def finish(self) -> None:
        if self.lane.task is not None:
            await self.lane.hurry()

    def rows(self, state: str) -> float:
        return self.number("rows_total", deployment="flowers", state=state)

    def number(self, name: str, **labels: str) -> float:
        return self.numbers.get_sample_value(f"understudy_log_{name}", labels) or 0.0


async def test_what_gathers_while_a_flush_is_on_its_way_goes_with_the_next() -> None:
    world = World()
    first = asyncio.create_task(world.append("a"))
    await world.way.attempted.get()
    assert await world.append("b", "c") == [True, True]
    assert await first == [True]
    assert world.way.sent == [(1, ["a"]), (2, ["b", "c"])]
    assert world.rows("logged") == 3


async def test_a_record_that_can_not_be_encoded_is_dropped_alone() -> None:
    world = World()
    assert await world.append("a", "b", POISON, "c") == [True, True, False, True]
    assert [record for flush in world.way.flushes for record in flush] == ["a", "b", "c"]
    assert (world.rows("logged"), world.rows("dropped")) == (3, 1)
    assert (world.number("buffered_rows"), world.number("buffered_bytes")) == (0, 0)
    await world.append("d", "e")
    assert world.way.flushes[-1] == ["d", "e"]


async def test_a_flush_is_bounded_in_bytes_and_holds_one_record_at_least() -> None:
    world = World()
    await world.append("a", "b", "c", size=MOST_BYTES_PER_FLUSH // 2)
    assert world.way.flushes == [["a", "b"], ["c"]]
    await world.append("d", "e", size=2 * MOST_BYTES_PER_FLUSH)
    assert world.way.flushes[2:] == [["d"], ["e"]]


async def test_the_buffer_is_bounded_in_bytes() -> None:
    world = World(most_bytes=10)
    assert await world.append("a", "b", "c", size=4) == [True, True, False]
    assert world.rows("dropped") == 1
    assert await world.append("c", size=4) == [True]


async def test_relaxed_records_wait_for_company_and_strict_ones_take_them_along() -> None:
    world = World()
    assert world.relaxed("a") is None
    assert world.relaxed("b") is None
    await asyncio.sleep(0)
    assert world.way.sent == []
    assert await world.append("c") == [True]
    assert world.way.flushes == [["a", "b", "c"]]


async def test_relaxed_records_go_when_they_are_enough() -> None:
    world = World()
    assert [world.relaxed(name) for name in "abcde"] == [None] * 5
    assert world.lane.task is not None
    await world.lane.task
    assert world.way.flushes == [["a", "b", "c", "d", "e"]]


async def test_relaxed_records_go_after_the_lag() -> None:
    world = World(lag_seconds=0.0)
    assert world.relaxed("a") is None
    assert world.lane.task is not None
    await world.lane.task
    assert world.way.flushes == [["a"]]


async def test_so_many_rows_at_most_are_answered_ahead_of_the_log() -> None:
    world = World(most_ahead=10)
    assert world.relaxed("a", rows=4) is None
    assert world.relaxed("b", rows=6) is None
    waits = world.relaxed("c")
    assert waits is not None
    assert await waits
    assert world.way.flushes == [["a", "b", "c"]]
    assert world.relaxed("d", rows=10) is None
    await world.finish()


async def test_a_flush_that_fails_goes_to_disk_under_its_number_and_later_ones_behind_it() -> None:
    world = World()
    world.way.error = ConnectionError("gone")
    assert await world.append("a") == [True]
    world.way.error = None
    assert await world.append("b") == [True]
    assert world.way.spooled == [(1, ["a"]), (2, ["b"])]
    assert (world.way.attempts, world.way.sent) == (1, [])
    assert world.rows("spooled") == 2
    assert world.number("degraded") == 1
    world.way.spooled.clear()
    assert await world.append("c") == [True]
    assert world.way.sent == [(3, ["c"])]
    assert (world.number("degraded"), world.lane.degraded_since) == (0, None)


async def test_a_flush_that_takes_too_long_goes_to_disk() -> None:
    world = World(spool_after_seconds=0.01)
    world.way.hangs = True
    assert await world.append("a") == [True]
    assert world.way.spooled == [(1, ["a"])]
    assert world.number("flush_failures_total") == 1
    assert world.lane.degraded_since is not None
    assert world.lane.degraded_since <= time.time()


async def test_what_neither_takes_is_refused_after_the_time_it_may_wait() -> None:
    world = World(wait_seconds=0.02)
    world.way.error, world.way.disk_takes = ConnectionError("gone"), False
    assert await world.append("a") == [False]
    assert world.way.attempts >= 2
    assert world.rows("dropped") == 1
    world.way.error = None
    assert await world.append("b") == [True]
    assert world.way.flushes == [["b"]]


async def test_after_a_loss_replies_wait_until_redis_takes_rows_again() -> None:
    world = World(wait_seconds=0.01)
    world.way.error, world.way.disk_takes = ConnectionError("gone"), False
    assert world.relaxed("a") is None
    await world.finish()
    refused = world.relaxed("b")
    assert refused is not None
    assert not await refused
    world.way.disk_takes = True
    spooled = world.relaxed("c")
    assert spooled is not None
    assert await spooled
    world.way.spooled.clear()
    world.way.error = None
    logged = world.relaxed("d")
    assert logged is not None
    assert await logged
    assert world.relaxed("e") is None
    await world.finish()
    assert world.rows("dropped") == 2


async def test_after_a_loss_the_replies_of_all_lanes_wait() -> None:
    world = World(wait_seconds=0.01)
    weeds = Lane("weeds", world.rules, world.way)
    world.way.error, world.way.disk_takes = ConnectionError("gone"), False
    assert world.relaxed("a") is None
    await world.finish()
    waits = weeds.append("b", 1, 1, strict=False)
    assert waits is not None
    assert not await waits
    world.way.error = None
    assert await world.append("c") == [True]
    assert weeds.append("d", 1, 1, strict=False) is None
    await weeds.hurry()


async def test_what_redis_refuses_of_one_lane_makes_no_other_wait() -> None:
    world = World()
    weeds = Lane("weeds", world.rules, world.way)
    world.way.error = RefusedError("WRONGTYPE")
    assert await world.append("a") == [False]
    world.way.error = None
    assert weeds.append("b", 1, 1, strict=False) is None
    await weeds.hurry()
    assert world.lane.degraded_since is not None
    waits = world.relaxed("c")
    assert waits is not None
    assert await waits


async def test_a_lane_without_work_recovers_when_redis_takes_anothers_rows() -> None:
    world = World(wait_seconds=0.01)
    world.way.error, world.way.disk_takes = ConnectionError("gone"), False
    assert await world.append("a") == [False]
    assert world.rules.failing == {world.lane}
    world.way.spooled.append((0, ["earlier"]))
    world.lane.recover_when_idle()
    assert world.number("degraded") == 1
    world.way.spooled.clear()
    world.lane.recover_when_idle()
    assert (world.number("degraded"), world.lane.degraded_since) == (0, None)
    assert world.rules.failing == set()


async def test_redis_is_tried_again_when_the_disk_takes_nothing() -> None:
    world = World()
    world.way.error, world.way.disk_takes = ConnectionError("gone"), False
    waiting = asyncio.create_task(world.append("a"))
    for _ in range(3):
        await world.way.attempted.get()
    world.way.error = None
    assert await waiting == [True]
    assert world.way.sent == [(1, ["a"])]
    assert world.rows("logged") == 1


async def test_nothing_passes_by_what_is_on_a_disk_that_is_full() -> None:
    world = World()
    world.way.spooled.append((0, ["earlier"]))
    world.way.disk_takes = False
    assert await world.append("a") == [False]
    assert world.way.attempts == 0


async def test_a_disk_that_hangs_holds_nobody_for_ever() -> None:
    world = World(wait_seconds=0.01)
    world.way.error, world.way.disk_hangs = ConnectionError("gone"), True
    assert await world.append("a") == [False]


async def test_what_redis_will_never_take_is_refused_at_once() -> None:
    world = World()
    world.way.error = RefusedError("WRONGTYPE")
    assert await world.append("a") == [False]
    assert (world.way.attempts, world.way.spooled) == (1, [])


async def test_what_is_abandoned_is_counted() -> None:
    world = World()
    world.way.hangs = True
    world.relaxed("a", rows=3)
    strict = world.lane.append("b", 2, 1, strict=True)
    await asyncio.sleep(0)
    await world.lane.abandon()
    assert strict is not None
    assert not await strict
    assert world.rows("dropped") == 5
    assert world.number("buffered_rows") == 0
