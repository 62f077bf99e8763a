"""Predictions of a window: from memory, Redis, and the archive where the log was trimmed."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from services.monitor.adapters.archive.backlog import RedisBacklog
from services.monitor.adapters.archive.files import ParquetArchive
from services.monitor.adapters.log_past import ArchivedPast, RedisPast
from services.monitor.domain.parts import START, PartLimits, Stream
from services.monitor.domain.reports import Span
from services.monitor.ports import PastRows, Piece
from tests.fakes.monitor import MemoryLog
from tests.fakes.monitor_archive import MemoryArchive
from tests.fakes.monitor_entries import NAME, prediction_batch, sample
from tests.fakes.monitor_reports import MemoryPast
from understudy.contracts import events

pytestmark = pytest.mark.anyio

BEGIN = 1_700_000_400.0
LIMITS = PartLimits(window_milliseconds=60_000, rows=10_000, size=10_000_000)
EVERYTHING = Span(BEGIN - 10, BEGIN + 10_000)


class Desk:
    """Ten entries of twenty rows, a minute apart."""

    def __init__(self, client: Redis, folder: Path) -> None:
        self.client = client
        self.key = events.predictions_key(NAME)
        self.log = RedisPast(client)
        self.archive = ParquetArchive(folder.as_uri(), deadline_seconds=30.0)
        self.both = ArchivedPast(self.log, self.archive)

    async def write(self) -> None:
        for at in range(10):
            fields: Any = events.encode(_entry(at))
            await self.client.xadd(self.key, fields, id=f"{round((BEGIN + 60 * at) * 1_000)}-0")

    async def carry(self, parts: int) -> None:
        backlog, after = RedisBacklog(self.client, LIMITS), START
        for _ in range(parts):
            piece = await backlog.next(NAME, Stream.PREDICTIONS, after)
            assert isinstance(piece, Piece)
            await self.archive.write(piece)
            after = piece.part.last

    async def trim(self, entries: int) -> None:
        minimum = f"{round((BEGIN + 60 * entries) * 1_000)}-0"
        await self.client.xtrim(self.key, minid=minimum, approximate=False)


@pytest.fixture
async def desk(redis_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with Redis.from_url(redis_url) as client:
        made = Desk(client, tmp_path)
        await made.write()
        yield made
        made.archive.close()


def _entry(at: int) -> events.PredictionBatch:
    columns = {**sample(20, at), "job": [None, "clerk"] * 10}
    return prediction_batch(columns, at=BEGIN + 60 * at, first_id=20 * at, main=1 + at // 5)


def _ids(found: PastRows) -> list[int]:
    return [int(name[1:]) for entry in found.entries for name in entry.ids]


async def test_memory_and_redis_find_the_same(desk: Desk) -> None:
    log = MemoryLog()
    log.append(*(_entry(at) for at in range(10)))
    for past in (desk.log, MemoryPast(log), desk.both):
        found = await past.between(NAME, Span(BEGIN + 60, BEGIN + 180), 1_000)
        assert (_ids(found), found.seen) == ([*range(20, 60)], 40)
        assert found.reaches_back == BEGIN
        some = await past.between(NAME, EVERYTHING, 50)
        assert (len(_ids(some)), some.seen) == (50, 200)
        its = await past.between(NAME, EVERYTHING, 100, main=2)
        assert (_ids(its), its.seen) == ([*range(100, 200)], 100)
        nothing = await past.between(NAME, Span(BEGIN + 9_000, BEGIN + 9_999), 50)
        assert (_ids(nothing), nothing.seen) == ([], 0)


async def test_what_was_trimmed_is_read_from_the_archive(desk: Desk) -> None:
    whole = await desk.log.between(NAME, EVERYTHING, 1_000)
    await desk.carry(7)
    await desk.trim(4)
    alone = await desk.log.between(NAME, EVERYTHING, 1_000)
    assert (_ids(alone), alone.reaches_back) == ([*range(80, 200)], BEGIN + 240)
    found = await desk.both.between(NAME, EVERYTHING, 1_000)
    assert _ids(found) == [*range(200)]
    assert found.reaches_back == BEGIN
    assert [entry.main for entry in found.entries] == [entry.main for entry in whole.entries]
    assert len(found.entries) == 10
    for mine, theirs in zip(found.entries, whole.entries, strict=True):
        assert mine.at.tolist() == theirs.at.tolist()
        assert mine.columns["job"] == theirs.columns["job"]
        assert list(mine.columns["income"]) == list(theirs.columns["income"])
    early = await desk.both.between(NAME, Span(BEGIN + 60, BEGIN + 120), 1_000)
    assert _ids(early) == [*range(20, 40)]


async def test_an_archive_that_fails_leaves_what_the_log_has(desk: Desk) -> None:
    class Broken(MemoryArchive):
        async def parts(self, *_: Any) -> Any:
            raise OSError("gone")

    await desk.trim(4)
    found = await ArchivedPast(desk.log, Broken()).between(NAME, EVERYTHING, 1_000)
    assert _ids(found) == [*range(80, 200)]


async def test_no_log_at_all(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as client:
        found = await RedisPast(client).between(NAME, EVERYTHING, 10)
        assert (found.entries, found.reaches_back) == ([], None)
