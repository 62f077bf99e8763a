"""Requests that are there together are scored together, and none spoils another's."""

import asyncio
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
import structlog

from services.serving.domain.errors import BusyError, ScoringFailedError
from services.serving.domain.rows import Plan
from services.serving.domain.scoring import UNKNOWN_COST, Cost, Loaded
from services.serving.domain.table import Deployment, Live
from services.serving.metrics import Dialect
from services.serving.operations.calling import Meter, Pace, Result
from services.serving.operations.calls import Asked, Call
from services.serving.operations.lingering import Linger
from services.serving.operations.scoring import Limits, Scorer
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import AccessLevel, FeatureKind, Task
from understudy.inference.rows import Rows
from understudy.inference.scored import Scored

pytestmark = pytest.mark.anyio

SIGNATURE = Signature((Feature("x", FeatureKind.NUMBER),), Target("y", Task.REGRESSION))
LIMITS = Limits(rows=1_000, inline_seconds=0.002, threads=1, queue=3)
QUICK, SLOW = Cost(0.0001, 0.0), Cost(0.01, 0.0)


@dataclass(eq=False)
class Doubling:
    """Answers 2x, notes its calls, fails on negative numbers, waits at its gate."""

    calls: list[int] = field(default_factory=list)
    begun: threading.Event = field(default_factory=threading.Event)
    gate: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    def score(self, rows: Rows) -> Scored:
        self.calls.append(len(rows))
        self.begun.set()
        assert self.gate.wait(5)
        if (rows.numbers < 0).any():
            raise ValueError("negative")
        return Scored(rows.numbers[:, 0] * 2)


def live(runner: Doubling, cost: Cost) -> Live:
    return Live(1, Loaded(1, SIGNATURE, Plan(SIGNATURE), runner, cost), ())


DEPLOYMENT = Deployment("doubling", "garden", "doubling", AccessLevel.PUBLIC, "", 1)


class Desk:
    """Asks a scorer, and tells what came of it."""

    def __init__(self) -> None:
        self.failed = 0
        self.spent: list[tuple[str, int, float]] = []
        self.scorer = Scorer(
            LIMITS, self._settle, self._fail, lambda *call: self.spent.append(call)
        )

    async def ask(self, release: Live, *values: float) -> list[float]:
        reply: asyncio.Future[list[float]] = asyncio.get_running_loop().create_future()
        cells = [(value,) for value in values]
        self.scorer.ask(DEPLOYMENT, release, Asked(cells, (), Dialect.JSON, reply))
        return await reply

    async def ask_all(self, release: Live, *requests: tuple[float, ...]) -> list[object]:
        asking = [self.ask(release, *values) for values in requests]
        return [*await asyncio.gather(*asking, return_exceptions=True)]

    def _settle(self, call: Call) -> None:
        start = 0
        for asked in call.asked:
            stop = start + len(asked.cells)
            if not asked.reply.done():
                asked.reply.set_result(call.scored.values[start:stop].tolist())
            start = stop

    def _fail(self, *_: object) -> None:
        self.failed += 1


@pytest.mark.parametrize("cost", [QUICK, SLOW])
async def test_what_arrives_together_is_one_call(cost: Cost) -> None:
    runner = Doubling()
    found = await Desk().ask_all(live(runner, cost), (1,), (2, 3), (4,))
    assert found == [[2.0], [4.0, 6.0], [8.0]]
    assert runner.calls == [4]


@pytest.mark.parametrize("cost", [QUICK, SLOW])
async def test_each_call_is_charged_once_however_it_ends(cost: Cost) -> None:
    desk = Desk()
    await desk.ask_all(live(Doubling(), cost), (1,), (-1,), (3,))
    ((deployment, version, cpu_seconds),) = desk.spent
    assert (deployment, version) == ("doubling", 1)
    assert cpu_seconds > 0.0


@dataclass(eq=False)
class Moody(Doubling):
    """Sleeps while it is told to; notes the thread of each call."""

    seconds: float = 0.0
    threads: list[int] = field(default_factory=list)

    def score(self, rows: Rows) -> Scored:
        self.threads.append(threading.get_ident())
        time.sleep(self.seconds)
        return super().score(rows)


async def test_a_model_that_turns_slow_is_asked_aside_and_comes_back() -> None:
    runner, desk = Moody(), Desk()
    release = live(runner, QUICK)
    here = threading.get_ident()
    assert await desk.ask(release, 1.0) == [2.0]
    runner.seconds = 0.05
    for _ in range(3):
        await desk.ask(release, 1.0)
    assert [thread == here for thread in runner.threads] == [True, True, True, False]
    runner.seconds = 0.0
    for _ in range(120):
        await desk.ask(release, 1.0)
    assert runner.threads[-1] == here


def took(seconds: float) -> Result:
    return Result((), (Rows.__new__(Rows), Scored(np.zeros(1)), seconds))


def slow_after(calls: Sequence[float]) -> int | None:
    """How many calls it takes until a model that should take 10 us is asked aside."""
    pace = Pace(Cost(10e-6, 0.0))
    for number, seconds in enumerate(calls, 1):
        pace.note(1, [took(seconds)])
        if pace.of(1) > LIMITS.inline_seconds:
            return number
    return None


@pytest.mark.parametrize("seconds", [0.01, 0.05, 10.0])
@pytest.mark.parametrize("cost", [QUICK, Cost(10e-6, 0.0), Cost(0.0019, 0.0), UNKNOWN_COST])
def test_what_the_machine_held_up_once_is_forgiven(cost: Cost, seconds: float) -> None:
    pace = Pace(cost)
    for taken in (seconds, *[cost.of(1)] * 50):
        pace.note(1, [took(taken)])
        assert pace.of(1) == pytest.approx(cost.of(1))


def test_what_takes_long_again_and_again_is_slow() -> None:
    assert slow_after([0.05] * 3) == 2
    assert slow_after([0.04, *[0.005] * 200]) is not None
    assert slow_after([10e-6, 0.05] * 100) is not None
    assert slow_after([*[10e-6] * 7, 0.05] * 100) is not None
    assert slow_after([*[10e-6] * 99, 0.05] * 100) is None


async def test_measured_calls_stand_for_all() -> None:
    meter = Meter()
    found = [meter.stands_for() for _ in range(15)]
    assert found == [1, *[0] * 6, 7, *[0] * 6, 7]


async def test_what_arrives_during_a_slow_call_goes_with_the_next() -> None:
    runner, desk = Doubling(), Desk()
    release = live(runner, SLOW)
    runner.gate.clear()
    first = asyncio.create_task(desk.ask(release, 1))
    assert await asyncio.to_thread(runner.begun.wait, 5)
    rest = [asyncio.create_task(desk.ask(release, value)) for value in (2, 3)]
    await asyncio.sleep(0)
    runner.gate.set()
    await asyncio.gather(first, *rest)
    assert runner.calls == [1, 2]


@pytest.mark.parametrize("cost", [QUICK, SLOW])
async def test_a_row_that_breaks_the_model_fails_alone(cost: Cost) -> None:
    desk = Desk()
    found = await desk.ask_all(live(Doubling(), cost), (1,), (-1,), (3,))
    assert found[0] == [2.0]
    assert found[2] == [6.0]
    assert isinstance(found[1], ScoringFailedError)
    assert desk.failed == 1


@pytest.mark.parametrize("cost", [QUICK, SLOW])
async def test_a_model_that_exits_takes_neither_the_worker_nor_its_line_along(cost: Cost) -> None:
    class Exiting(Doubling):
        def score(self, rows: Rows) -> Scored:
            if (rows.numbers < 0).any():
                raise SystemExit
            return super().score(rows)

    desk, release = Desk(), live(Exiting(), cost)
    (found,) = await desk.ask_all(release, (-1,))
    assert isinstance(found, ScoringFailedError)
    assert await desk.ask(release, 2) == [4.0]


async def test_a_call_that_never_begins_is_refused() -> None:
    runner, desk = Doubling(), Desk()
    runner.gate.clear()
    first = asyncio.create_task(desk.ask(live(runner, SLOW), 1))
    assert await asyncio.to_thread(runner.begun.wait, 5)
    second = asyncio.create_task(desk.ask(live(Doubling(), SLOW), 2))
    for _ in range(3):
        await asyncio.sleep(0)
    desk.scorer.close()
    with pytest.raises(ScoringFailedError):
        await asyncio.wait_for(second, 5)
    runner.gate.set()
    assert await first == [2.0]


@pytest.mark.parametrize(("cost", "seconds"), [(SLOW, 1), (UNKNOWN_COST, 30)])
async def test_a_slow_version_takes_so_many_requests_and_no_more(cost: Cost, seconds: int) -> None:
    runner, desk = Doubling(), Desk()
    release = live(runner, cost)
    runner.gate.clear()
    first = asyncio.create_task(desk.ask(release, 1))
    assert await asyncio.to_thread(runner.begun.wait, 5)
    waiting = [asyncio.create_task(desk.ask(release, 2)) for _ in range(LIMITS.queue)]
    await asyncio.sleep(0)
    with pytest.raises(BusyError) as refused:
        await desk.ask(release, 3)
    assert refused.value.retry_after == seconds
    runner.gate.set()
    await asyncio.gather(first, *waiting)


async def test_a_failure_is_logged_without_what_the_model_was_given() -> None:
    with structlog.testing.capture_logs() as logged:
        await Desk().ask_all(live(Doubling(), QUICK), (-1,))
    (line,) = logged
    assert line["event"] == "scoring_failed"
    assert line["error_type"] == "builtins.ValueError"
    assert "in score" in line["frames"][-1]
    assert "negative" not in repr(line)


async def test_a_caller_that_goes_away_takes_nobody_along() -> None:
    runner, desk = Doubling(), Desk()
    release = live(runner, QUICK)
    gone = asyncio.create_task(desk.ask(release, 1))
    stays = asyncio.create_task(desk.ask(release, 2))
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays == [4.0]


async def test_nobody_is_scored_who_went_away_before_the_call() -> None:
    runner, desk = Doubling(), Desk()
    release = live(runner, SLOW)
    runner.gate.clear()
    first = asyncio.create_task(desk.ask(release, 1))
    assert await asyncio.to_thread(runner.begun.wait, 5)
    gone = asyncio.create_task(desk.ask(release, 2))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait([gone])
    runner.gate.set()
    await first
    assert await desk.ask(release, 3) == [6.0]
    assert runner.calls == [1, 1]


async def test_nobody_waits_for_ever_when_an_answer_can_not_be_settled() -> None:
    class Clumsy(Desk):
        def _settle(self, call: Call) -> None:
            raise ZeroDivisionError(call.seconds)

    found = await Clumsy().ask_all(live(Doubling(), QUICK), (1,), (2,))
    assert [type(answer) for answer in found] == [ScoringFailedError] * 2


async def test_large_requests_are_not_joined() -> None:
    runner, many = Doubling(), tuple(map(float, range(200)))
    await Desk().ask_all(live(runner, QUICK), many, many)
    assert runner.calls == [200, 200]


@pytest.mark.parametrize("cost", [QUICK, SLOW])
async def test_callers_that_ask_again_at_once_are_joined_again(cost: Cost) -> None:
    runner, desk = Doubling(), Desk()
    release = live(runner, cost)

    async def caller() -> None:
        for _ in range(3):
            await desk.ask(release, 1)

    await asyncio.gather(*(caller() for _ in range(3)))
    assert runner.calls == [3, 3, 3]


async def test_a_former_releases_requests_are_answered_by_it() -> None:
    former, present, desk = Doubling(), Doubling(), Desk()
    releases = [live(former, QUICK), live(present, QUICK)]
    await asyncio.gather(*(desk.ask(releases[number % 2], number) for number in range(4)))
    assert (sum(former.calls), sum(present.calls)) == (2, 2)


def test_a_line_lingers_only_for_callers_that_were_answered_together() -> None:
    linger = Linger(call_seconds=10.0)
    linger.begin()
    assert not linger.worth_it(waiting=1)
    linger.note(8)
    linger.begin()
    assert linger.worth_it(waiting=1)
    assert not linger.worth_it(waiting=8)


def test_quick_calls_are_not_waited_for() -> None:
    linger = Linger(call_seconds=10e-6)
    linger.note(8)
    linger.begin()
    assert not linger.worth_it(waiting=1)
