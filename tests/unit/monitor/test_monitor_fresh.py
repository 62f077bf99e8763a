"""Answers are worked out once, however many ask, and handed out again for a while."""

import asyncio
from dataclasses import dataclass, field

import pytest

from services.monitor.operations.fresh import Fresh

pytestmark = pytest.mark.anyio


@dataclass
class Work:
    """Ends when it is let."""

    let: asyncio.Event = field(default_factory=asyncio.Event)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    times: int = 0
    fails: bool = False

    async def __call__(self) -> int:
        self.times += 1
        self.begun.set()
        await self.let.wait()
        if self.fails:
            raise ValueError("failed")
        return self.times


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


async def test_who_asks_at_the_same_time_gets_the_same() -> None:
    fresh, work = Fresh(15.0, Clock()), Work()
    asked = [asyncio.create_task(fresh.get("a", work)) for _ in range(5)]
    await work.begun.wait()
    work.let.set()
    assert await asyncio.gather(*asked) == [1] * 5
    assert await fresh.get("b", work) == 2


async def test_an_answer_grows_old() -> None:
    clock, work = Clock(), Work()
    fresh = Fresh(15.0, clock)
    work.let.set()
    assert await fresh.get("a", work) == 1
    clock.now = 14.9
    assert await fresh.get("a", work) == 1
    clock.now = 15.0
    assert await fresh.get("a", work) == 2


async def test_who_goes_away_takes_nothing_from_the_others() -> None:
    fresh, work = Fresh(15.0, Clock()), Work()
    first = asyncio.create_task(fresh.get("a", work))
    await work.begun.wait()
    second = asyncio.create_task(fresh.get("a", work))
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    work.let.set()
    assert await second == 1


async def test_a_failure_is_tried_again() -> None:
    fresh, work = Fresh(15.0, Clock()), Work(fails=True)
    work.let.set()
    with pytest.raises(ValueError, match="failed"):
        await fresh.get("a", work)
    work.fails = False
    assert await fresh.get("a", work) == 2
