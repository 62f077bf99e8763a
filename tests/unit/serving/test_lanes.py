"""Rows gather and go together; what can't be written takes nothing else along."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from prometheus_client import CollectorRegistry

from services.serving.adapters.lanes import MOST_BYTES_PER_FLUSH, Buffer, Lane, LaneRules, Send
from services.serving.metrics import LogMetrics
from understudy.runtime.loops import Backoff

pytestmark = pytest.mark.anyio

POISON = "poison"


@dataclass
class Written:
    """Where a lane writes to: takes everything but poison."""

    flushes: list[list[str]] = field(default_factory=list)

    def prepare(self, records: Sequence[str]) -> Send:
        if POISON in records:
            raise OverflowError(f"can't encode {POISON}")

        async def send(number: int) -> None:
            del number
            await asyncio.sleep(0.001)
            self.flushes.append([*records])

        return send

    @property
    def records(self) -> list[str]:
        return [record for flush in self.flushes for record in flush]


class World:
    def __init__(self, most_bytes: int = 100 * MOST_BYTES_PER_FLUSH) -> None:
        self.numbers = CollectorRegistry()
        self.written = Written()
        metrics = LogMetrics(self.numbers)
        rules = LaneRules(Buffer(1_000, most_bytes, metrics), metrics, 2.0, Backoff())
        self.lane = Lane("flowers", rules, self.written.prepare)

    async def append(self, *records: str, size: int = 1) -> list[bool]:
        return await asyncio.gather(*(self.lane.append(record, 1, size) for record in records))

    def rows(self, state: str) -> float | None:
        labels = {"deployment": "flowers", "state": state}
        return self.numbers.get_sample_value("understudy_log_rows_total", labels)


async def test_a_record_that_can_not_be_encoded_is_dropped_alone() -> None:
    world = World()
    kept = await world.append("a", "b", POISON, "c")
    assert kept == [True, True, False, True]
    assert world.written.records == ["a", "b", "c"]
    assert (world.rows("logged"), world.rows("dropped")) == (3, 1)
    assert world.numbers.get_sample_value("understudy_log_buffered_rows") == 0
    assert world.numbers.get_sample_value("understudy_log_buffered_bytes") == 0
    await world.append("d", "e")
    assert world.written.flushes[-1] == ["d", "e"]


async def test_a_flush_is_bounded_in_bytes_and_holds_one_record_at_least() -> None:
    world = World()
    await world.append("a", "b", "c", size=MOST_BYTES_PER_FLUSH // 2)
    assert world.written.flushes == [["a", "b"], ["c"]]
    await world.append("d", "e", size=2 * MOST_BYTES_PER_FLUSH)
    assert world.written.flushes[2:] == [["d"], ["e"]]


async def test_the_buffer_is_bounded_in_bytes() -> None:
    world = World(most_bytes=10)
    assert await world.append("a", "b", "c", size=4) == [True, True, False]
    assert world.rows("dropped") == 1
    assert await world.append("c", size=4) == [True]
