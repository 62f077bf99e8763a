"""Waiting for a challenger's answers: one reader for all, and each has those to its own rows."""

import asyncio
from collections.abc import Sequence

import pytest

from services.serving.domain.errors import ScoringFailedError
from services.serving.operations import Answer
from services.serving.operations.challenged import (
    Challenged,
    ChallengerLateError,
    PairsUnavailableError,
)
from tests.fakes.pairs import ListPairs, pairs_of
from understudy.contracts.events import PairBatch
from understudy.contracts.vocabulary import Outcome

pytestmark = pytest.mark.anyio

SETOSA, VIRGINICA = [1.0, 0.0], [0.0, 1.0]


class Counted(ListPairs):
    """Counts what is read."""

    def __init__(self) -> None:
        super().__init__()
        self.read = 0

    async def since(
        self, deployment: str, entry: bytes
    ) -> Sequence[tuple[bytes, PairBatch | None]]:
        found = await super().since(deployment, entry)
        self.read += len(found)
        await asyncio.sleep(0)
        return found


def asked(*ids: str, at: float = 1.0) -> list[Answer]:
    return [Answer(name, "setosa", None, "iris", 1, at=at) for name in ids]


def pair(
    name: str, value: float = 0.0, at: float = 1.0, outcome: Outcome = Outcome.OK
) -> PairBatch:
    likely = VIRGINICA if value else SETOSA
    return pairs_of([name], [value], likely, at=at, outcome=outcome)


async def test_all_who_wait_share_what_is_read() -> None:
    pairs = Counted()
    challenged = Challenged(pairs, 5.0)
    names = [f"r{index}" for index in range(30)]
    mark = await challenged.mark("flowers")
    waiting = [
        asyncio.create_task(challenged.answers("flowers", mark, 2, asked(name))) for name in names
    ]
    await asyncio.sleep(0.01)
    pairs.entries += [pair(name, index % 2) for index, name in enumerate(names)]
    found = await asyncio.gather(*waiting)
    assert [answer.prediction for (answer,) in found] == ["setosa", "virginica"] * 15
    assert pairs.read == 30
    assert not challenged._readers


async def test_what_the_reader_had_read_already_is_not_missed() -> None:
    pairs = Counted()
    challenged = Challenged(pairs, 5.0)
    first = asyncio.create_task(challenged.answers("flowers", b"0", 2, asked("late")))
    mark = await challenged.mark("flowers")
    pairs.entries += [pair("early", 1.0), None]
    await asyncio.sleep(0.1)
    ((answer),) = await challenged.answers("flowers", mark, 2, asked("early"))
    assert answer.prediction == "virginica"
    pairs.entries.append(pair("late"))
    assert len(await first) == 1


async def test_an_id_that_comes_again_is_told_by_its_moment() -> None:
    pairs = ListPairs()
    challenged = Challenged(pairs, 5.0)
    waiting = [
        asyncio.create_task(challenged.answers("flowers", b"0", 2, asked("a", at=at)))
        for at in (1.0, 2.0)
    ]
    await asyncio.sleep(0)
    pairs.entries += [pair("a", 0.0, 3.0), pair("a", 1.0, 2.0), pair("a", 0.0, 1.0)]
    found = await asyncio.gather(*waiting)
    assert [answer.prediction for (answer,) in found] == ["setosa", "virginica"]


async def test_one_failure_is_one_caller_s() -> None:
    pairs = ListPairs()
    challenged = Challenged(pairs, 5.0)
    failing = asyncio.create_task(challenged.answers("flowers", b"0", 2, asked("a")))
    other = asyncio.create_task(challenged.answers("flowers", b"0", 2, asked("b")))
    await asyncio.sleep(0)
    pairs.entries += [pair("a", outcome=Outcome.ERROR), pair("b")]
    with pytest.raises(ScoringFailedError):
        await failing
    assert len(await other) == 1


async def test_when_the_stream_is_away_nobody_waits_for_ever() -> None:
    pairs = ListPairs()
    challenged = Challenged(pairs, 5.0)
    waiting = [
        asyncio.create_task(challenged.answers("flowers", b"0", 2, asked(name))) for name in "ab"
    ]
    await asyncio.sleep(0.01)
    pairs.away = True
    for each in waiting:
        with pytest.raises(PairsUnavailableError):
            await each
    pairs.away = False
    pairs.entries.append(pair("c"))
    assert len(await challenged.answers("flowers", b"0", 2, asked("c"))) == 1


async def test_whoever_is_late_leaves_nothing_behind() -> None:
    challenged = Challenged(ListPairs(), 0.05)
    with pytest.raises(ChallengerLateError):
        await challenged.answers("flowers", b"0", 2, asked("a"))
    assert not challenged._readers
