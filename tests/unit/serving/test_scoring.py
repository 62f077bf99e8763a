"""Requests that are there together are scored together, and none spoils another's."""

import asyncio
import threading
from dataclasses import dataclass, field

import numpy as np
import pytest
import structlog

from services.serving.domain.errors import BusyError, ScoringFailedError
from services.serving.domain.rows import Plan
from services.serving.domain.scoring import UNKNOWN_COST, Cost, Loaded
from services.serving.operations.scoring import Limits, Scorer
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, Task
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


def loaded(runner: Doubling, cost: Cost) -> Loaded:
    return Loaded(1, SIGNATURE, Plan(SIGNATURE), runner, cost)


def rows(*values: float) -> Rows:
    return Rows(np.array(values).reshape(-1, 1), ())


async def answers(scorer: Scorer, main: Loaded, *parts: Rows) -> list[object]:
    results = await asyncio.gather(
        *(scorer.score(main, part) for part in parts), return_exceptions=True
    )
    return [r if isinstance(r, BaseException) else r[0].values.tolist() for r in results]


@pytest.mark.parametrize("cost", [QUICK, SLOW])
async def test_what_arrives_together_is_one_call(cost: Cost) -> None:
    runner = Doubling()
    found = await answers(Scorer(LIMITS), loaded(runner, cost), rows(1), rows(2, 3), rows(4))
    assert found == [[2.0], [4.0, 6.0], [8.0]]
    assert runner.calls == [4]


async def test_what_arrives_during_a_slow_call_goes_with_the_next() -> None:
    runner, scorer = Doubling(), Scorer(LIMITS)
    main = loaded(runner, SLOW)
    runner.gate.clear()
    first = asyncio.create_task(scorer.score(main, rows(1)))
    assert await asyncio.to_thread(runner.begun.wait, 5)
    rest = [asyncio.create_task(scorer.score(main, rows(value))) for value in (2, 3)]
    await asyncio.sleep(0)
    runner.gate.set()
    await asyncio.gather(first, *rest)
    assert runner.calls == [1, 2]


@pytest.mark.parametrize("cost", [QUICK, SLOW])
async def test_a_row_that_breaks_the_model_fails_alone(cost: Cost) -> None:
    found = await answers(Scorer(LIMITS), loaded(Doubling(), cost), rows(1), rows(-1), rows(3))
    assert found[0] == [2.0]
    assert found[2] == [6.0]
    assert isinstance(found[1], ScoringFailedError)


@pytest.mark.parametrize(("cost", "seconds"), [(SLOW, 1), (UNKNOWN_COST, 30)])
async def test_a_slow_version_takes_so_many_requests_and_no_more(cost: Cost, seconds: int) -> None:
    runner, scorer = Doubling(), Scorer(LIMITS)
    main = loaded(runner, cost)
    runner.gate.clear()
    first = asyncio.create_task(scorer.score(main, rows(1)))
    assert await asyncio.to_thread(runner.begun.wait, 5)
    waiting = [asyncio.create_task(scorer.score(main, rows(2))) for _ in range(LIMITS.queue)]
    await asyncio.sleep(0)
    with pytest.raises(BusyError) as refused:
        await scorer.score(main, rows(3))
    assert refused.value.retry_after == seconds
    runner.gate.set()
    await asyncio.gather(first, *waiting)


async def test_a_failure_is_logged_without_what_the_model_was_given() -> None:
    with structlog.testing.capture_logs() as logged:
        await answers(Scorer(LIMITS), loaded(Doubling(), QUICK), rows(-1))
    (line,) = logged
    assert line["event"] == "scoring_failed"
    assert line["error_type"] == "builtins.ValueError"
    assert "in score" in line["frames"][-1]
    assert "negative" not in repr(line)


async def test_a_caller_that_goes_away_takes_nobody_along() -> None:
    runner, scorer = Doubling(), Scorer(LIMITS)
    main = loaded(runner, QUICK)
    gone = asyncio.create_task(scorer.score(main, rows(1)))
    stays = asyncio.create_task(scorer.score(main, rows(2)))
    await asyncio.sleep(0)
    gone.cancel()
    assert (await stays)[0].values.tolist() == [4.0]


async def test_large_requests_are_not_joined() -> None:
    runner = Doubling()
    await answers(Scorer(LIMITS), loaded(runner, QUICK), rows(*range(200)), rows(*range(200)))
    assert runner.calls == [200, 200]


@pytest.mark.parametrize("cost", [QUICK, SLOW])
async def test_callers_that_ask_again_at_once_are_joined_again(cost: Cost) -> None:
    runner, scorer = Doubling(), Scorer(LIMITS)
    main = loaded(runner, cost)

    async def caller() -> None:
        for _ in range(3):
            await scorer.score(main, rows(1))

    await asyncio.gather(*(caller() for _ in range(3)))
    assert runner.calls == [3, 3, 3]
