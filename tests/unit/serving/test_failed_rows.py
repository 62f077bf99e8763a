"""Rows that the main version fails on: the caller is refused first, and the log has them then."""

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from services.serving.domain.errors import ScoringFailedError
from services.serving.domain.rows import Plan
from services.serving.domain.scoring import Cost, Loaded
from services.serving.domain.table import Deployment, Live, Table
from services.serving.metrics import ServingMetrics
from services.serving.operations import Serving
from services.serving.operations.scoring import Limits
from services.serving.ports import Answered
from tests.fakes.serving import FLOWERS, UNLUCKY_WIDTH, LengthRunner, ListLog
from understudy.contracts.vocabulary import AccessLevel
from understudy.inference.rows import Rows
from understudy.inference.scored import Scored
from understudy.runtime.keys import KeyRing

pytestmark = pytest.mark.anyio

GOOD = {"length": 1.0, "width": 2.0}
BAD = {"length": 1.0, "width": UNLUCKY_WIDTH}


class Careless(LengthRunner):
    """Answers whatever it is told to answer to rows of a length of 9."""

    def __init__(self, answer: Scored) -> None:
        super().__init__()
        self._answer = answer

    def score(self, rows: Rows) -> Scored:
        found = super().score(rows)
        at = np.flatnonzero(rows.numbers[:, 0] == 9.0)
        found.values[at] = self._answer.values
        if found.probabilities is not None and self._answer.probabilities is not None:
            found.probabilities[at] = self._answer.probabilities
        return found


class OnlyTogether(LengthRunner):
    """Fails on two rows, whatever they are."""

    def score(self, rows: Rows) -> Scored:
        if len(rows) > 1:
            raise ValueError("too many")
        return super().score(rows)


class Telling(ListLog):
    """Says when rows that failed have come, or that it can't take any."""

    def __init__(self) -> None:
        super().__init__()
        self.failed: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        self.broken = False

    def predictions(self, answered: Answered) -> asyncio.Future[bool] | None:
        if self.broken:
            raise RuntimeError("broken")
        if np.isnan(answered.scored.values).all() and not self.full:
            self.failed.set_result(answered)
        return super().predictions(answered)


class World:
    def __init__(self, runner: LengthRunner | None = None, cost: float = 0.0) -> None:
        self.log = Telling()
        self.numbers = CollectorRegistry()
        self.serving = Serving(
            keys=lambda: KeyRing([]),
            log=self.log,
            metrics=ServingMetrics(self.numbers),
            limits=Limits(rows=5, inline_seconds=0.002, threads=1, queue=10),
        )
        main = Loaded(1, FLOWERS, Plan(FLOWERS), runner or LengthRunner(), Cost(cost, 0.0))
        found = Deployment(
            "flowers", "garden", "flowers", AccessLevel.PUBLIC, "", 1, live=Live(1, main, (2,))
        )
        self.serving.table = Table({"flowers": found})

    async def ask(self, *rows: dict[str, float]) -> str | None:
        """How it was refused."""
        names = [f"{rows[0]['width']}.{row}" for row in range(len(rows))]
        try:
            await self.serving.predict("flowers", rows, key=None, ids=names)
        except ScoringFailedError as refusal:
            return type(refusal.__cause__).__name__
        return None

    async def failed(self) -> Answered:
        """The record of rows that failed; they are tried in a thread."""
        async with asyncio.timeout(5):
            return await self.log.failed

    def untold(self) -> float:
        name = "understudy_failures_untold_total"
        return self.numbers.get_sample_value(name, {"deployment": "flowers"}) or 0.0


@pytest.fixture
async def worlds() -> AsyncIterator[list[World]]:
    made: list[World] = []
    yield made
    for world in made:
        world.serving.close()


@pytest.mark.parametrize("cost", [0.0, 1.0])
async def test_a_failed_row_is_logged_without_an_answer(worlds: list[World], cost: float) -> None:
    worlds.append(world := World(cost=cost))
    assert await world.ask(BAD) == "ValueError"
    failed = await world.failed()
    assert failed.ids == ["7.77.0"]
    assert failed.rows.numbers.tolist() == [[1.0, UNLUCKY_WIDTH]]
    assert failed.scored.probabilities is None
    assert failed.seconds >= 0.0
    assert failed.live.challengers == (2,)


async def test_of_a_request_only_rows_that_fail_alone_are_errors(worlds: list[World]) -> None:
    worlds.append(world := World())
    assert await world.ask(GOOD, BAD, GOOD, BAD) == "ValueError"
    assert (await world.failed()).ids == ["2.0.1", "2.0.3"]
    assert world.untold() == 0.0


async def test_rows_that_fail_together_alone_are_all_errors(worlds: list[World]) -> None:
    worlds.append(world := World(OnlyTogether()))
    assert await world.ask(GOOD, GOOD) == "ValueError"
    assert (await world.failed()).ids == ["2.0.0", "2.0.1"]


async def test_a_row_whose_joint_call_failed_but_was_answered_is_no_error(
    worlds: list[World],
) -> None:
    worlds.append(world := World())
    good, bad = await asyncio.gather(world.ask(GOOD), world.ask(BAD))
    assert (good, bad) == (None, "ValueError")
    assert (await world.failed()).ids == ["7.77.0"]
    assert sorted(name for one in world.log.answered for name in one.ids) == ["2.0.0", "7.77.0"]


@pytest.mark.parametrize(
    "answer",
    [
        Scored(np.array([np.nan]), np.array([[0.5, 0.5]])),
        Scored(np.array([2.0]), np.array([[0.5, 0.5]])),
        Scored(np.array([0.0]), np.array([[np.nan, np.nan]])),
        Scored(np.array([0.0]), np.array([[0.5, 0.4]])),
        Scored(np.array([0.0]), np.array([[1.5, -0.5]])),
    ],
)
async def test_an_answer_that_is_none_is_a_failure(worlds: list[World], answer: Scored) -> None:
    worlds.append(world := World(Careless(answer)))
    assert await world.ask({"length": 9.0, "width": 1.0}) == "UnfitModelError"
    assert (await world.failed()).ids == ["1.0.0"]


async def test_what_the_log_cant_take_changes_nothing_for_the_caller(worlds: list[World]) -> None:
    worlds.append(world := World())
    world.log.full = True
    assert await world.ask(BAD) == "ValueError"
    world.log.broken = True
    assert await world.ask(BAD) == "ValueError"
    assert world.untold() == 1.0


async def test_rows_that_nobody_can_try_any_more_are_counted(worlds: list[World]) -> None:
    worlds.append(world := World())
    world.serving.close()
    assert await world.ask(GOOD, BAD) == "ValueError"
    assert world.untold() == 2.0
