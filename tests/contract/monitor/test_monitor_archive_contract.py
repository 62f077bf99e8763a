"""The fake archive and backlog do as Parquet files and Redis Streams do."""

import io
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from redis.asyncio import Redis

from services.monitor.adapters.archive.backlog import RedisBacklog
from services.monitor.adapters.archive.files import ParquetArchive
from services.monitor.domain.parts import START, EntryId, PartId, PartLimits, Stream, Waiting
from services.monitor.ports import Archive, Backlog, Piece
from tests.fakes.monitor_archive import MemoryArchive, MemoryBacklog
from tests.fakes.monitor_entries import NAME, label_batch, pair_batch, prediction_batch, sample
from tests.fakes.object_stores import OBJECT_STORES, fresh_folder
from understudy.contracts import events

pytestmark = pytest.mark.anyio

LIMITS = PartLimits(window_milliseconds=1_000, rows=10, size=10**6)
BASE = 1_700_000_000_000
DAY = date(2023, 11, 14)
FOREVER = (date.min, date.max)


@dataclass(frozen=True, slots=True)
class Bench:
    """A backlog, and the hand that writes the log."""

    backlog: Backlog
    append: Callable[[EntryId, events.Entry | None], Awaitable[None]]
    flush: Callable[[], Awaitable[object]]


@pytest.fixture(params=["memory", "redis"])
async def bench(request: pytest.FixtureRequest, redis_url: str) -> AsyncIterator[Bench]:
    if request.param == "memory":
        yield memory_bench(MemoryBacklog(LIMITS, now_milliseconds=2 * BASE))
        return
    async with Redis.from_url(redis_url) as client:
        yield redis_bench(client)


def memory_bench(backlog: MemoryBacklog) -> Bench:
    async def append(name: EntryId, entry: events.Entry | None) -> None:
        backlog.append(Stream.PREDICTIONS, name, entry, deployment=NAME)

    async def flush() -> None:
        backlog.entries.clear()
        backlog.positions.clear()

    return Bench(backlog, append, flush)


def redis_bench(client: Redis) -> Bench:
    async def append(name: EntryId, entry: events.Entry | None) -> None:
        broken = {b"s": b"1", b"b": b"\xc1"}
        fields: Any = broken if entry is None else events.encode(entry)
        await client.xadd(events.predictions_key(NAME), fields, id=str(name))

    return Bench(RedisBacklog(client, LIMITS), append, client.flushall)


def at(milliseconds: int, number: int = 0) -> EntryId:
    return EntryId(BASE + milliseconds, number)


async def the_next(bench: Bench, after: EntryId = START) -> Piece:
    found = await bench.backlog.next(NAME, Stream.PREDICTIONS, after)
    assert isinstance(found, Piece)
    return found


def names(piece: Piece) -> list[EntryId]:
    return [name for name, _ in piece.entries]


async def test_it_begins_before_everything_and_trimming_sees_it(bench: Bench) -> None:
    assert await bench.backlog.begin(NAME) == dict.fromkeys(Stream, START)
    assert await bench.backlog.next(NAME, Stream.PREDICTIONS, START) is None
    assert await bench.backlog.move(NAME, Stream.PREDICTIONS, START, at(3))
    assert not await bench.backlog.move(NAME, Stream.PREDICTIONS, START, at(4))
    assert (await bench.backlog.begin(NAME))[Stream.PREDICTIONS] == at(3)
    await bench.backlog.forget(NAME)
    assert not await bench.backlog.move(NAME, Stream.PREDICTIONS, at(3), at(4))
    assert await bench.backlog.begin(NAME) == dict.fromkeys(Stream, START)


async def test_a_part_ends_with_its_window(bench: Bench) -> None:
    written = [at(0), at(400), at(400, 1), at(999, 7), at(1_000), at(2_500)]
    for name in written:
        await bench.append(name, prediction_batch(sample(1)))
    first = await the_next(bench)
    assert names(first) == written[:4]
    assert first.part == PartId(NAME, Stream.PREDICTIONS, at(0), at(999, 7), 4)
    second = await the_next(bench, first.part.last)
    assert names(second) == [at(1_000)]
    assert names(await the_next(bench, second.part.last)) == [at(2_500)]
    assert await bench.backlog.next(NAME, Stream.PREDICTIONS, at(2_500)) is None


async def test_a_part_ends_with_the_entry_that_fills_it(bench: Bench) -> None:
    for number in range(5):
        await bench.append(at(number), prediction_batch(sample(4)))
    first = await the_next(bench)
    assert (names(first), first.part.rows) == ([at(0), at(1), at(2)], 12)
    assert names(await the_next(bench, first.part.last)) == [at(3), at(4)]


async def test_an_open_window_waits(bench: Bench) -> None:
    open_for_long = EntryId(4 * BASE, 0)
    await bench.append(open_for_long, prediction_batch(sample(1)))
    found = await bench.backlog.next(NAME, Stream.PREDICTIONS, START)
    assert found == Waiting(open_for_long)


async def test_entries_that_can_not_be_read_are_counted(bench: Bench) -> None:
    for number, entry in enumerate([None, prediction_batch(sample(1)), None]):
        await bench.append(at(number), entry)
    found = await the_next(bench)
    assert (names(found), found.malformed) == ([at(1)], 2)
    assert (found.part.first, found.part.last, found.part.rows) == (at(0), at(2), 1)


async def test_what_the_log_holds(bench: Bench) -> None:
    await bench.append(at(1), prediction_batch(sample(1)))
    assert await bench.backlog.holds(NAME, Stream.PREDICTIONS, at(1))
    assert not await bench.backlog.holds(NAME, Stream.PREDICTIONS, at(2))
    await bench.flush()
    assert not await bench.backlog.holds(NAME, Stream.PREDICTIONS, at(1))


async def test_many_pages_make_one_part(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as client:
        bench = redis_bench(client)
        backlog = RedisBacklog(client, PartLimits(1_000, 10_000, 10**9))
        for number in range(250):
            await bench.append(at(number), prediction_batch(sample(1)))
        found = await backlog.next(NAME, Stream.PREDICTIONS, START)
        assert isinstance(found, Piece)
        assert names(found) == [at(number) for number in range(250)]


async def test_an_entry_of_a_newer_understudy_is_not_passed_over(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as client:
        fields: Any = {b"s": b"9", b"b": b""}
        await client.xadd(events.labels_key(NAME), fields, id=str(at(0)))
        with pytest.raises(events.UnknownSchemaError):
            await RedisBacklog(client, LIMITS).next(NAME, Stream.LABELS, START)


@pytest.fixture(params=["memory", "disk", "object store", *OBJECT_STORES])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Archive:
    if request.param == "memory":
        return MemoryArchive()
    if request.param == "s3":
        return ParquetArchive(fresh_folder(), deadline_seconds=20.0)
    # fsspec's memory stands for a store without renaming: files are put whole.
    urls = {"disk": tmp_path.as_uri(), "object store": f"memory://{tmp_path.name}"}
    return ParquetArchive(urls[request.param], deadline_seconds=20.0)


def piece(first: EntryId, *entries: events.Entry, stream: Stream = Stream.PREDICTIONS) -> Piece:
    named = [
        (EntryId(first.milliseconds + n, 0), events.encode(entry))
        for n, entry in enumerate(entries)
    ]
    rows = sum(len(getattr(e, "ids", ()) or getattr(e, "items", ())) for e in entries)
    return Piece(PartId(NAME, stream, first, named[-1][0], rows), named, 0)


async def test_what_is_written_is_listed_and_read(archive: Archive) -> None:
    assert await archive.parts(NAME, Stream.PREDICTIONS, *FOREVER) == ()
    later, earlier = (piece(at(n), prediction_batch(sample(3))) for n in (9_000, 0))
    sizes = [await archive.write(later), await archive.write(earlier)]
    await archive.write(piece(at(0), pair_batch([0.5], [0.5]), stream=Stream.PAIRS))
    found = await archive.parts(NAME, Stream.PREDICTIONS, *FOREVER)
    assert [stored.part for stored in found] == [earlier.part, later.part]
    assert [stored.size_bytes for stored in found] == sizes[::-1]
    assert len(await archive.read(earlier.part)) == sizes[1]
    assert await archive.parts(NAME, Stream.PREDICTIONS, DAY, DAY) == found
    assert await archive.parts(NAME, Stream.PREDICTIONS, date(2023, 11, 15), date.max) == ()
    assert await archive.parts("another", Stream.PREDICTIONS, *FOREVER) == ()


async def test_writing_again_is_writing_the_same(archive: Archive) -> None:
    part = piece(at(0), prediction_batch(sample(3)))
    await archive.write(part)
    before = await archive.read(part.part)
    await archive.write(part)
    assert await archive.read(part.part) == before
    assert len(await archive.parts(NAME, Stream.PREDICTIONS, *FOREVER)) == 1


async def test_a_part_that_is_not_there(archive: Archive) -> None:
    with pytest.raises(FileNotFoundError):
        await archive.read(piece(at(0), label_batch(1), stream=Stream.LABELS).part)


async def test_protected_attributes_have_a_retention_of_their_own(archive: Archive) -> None:
    attributes = events.ProtectedBatch(
        deployment=NAME,
        items=[events.ProtectedEvent(prediction_id="a", attributes={"sex": "f"}, received_at=1.0)],
    )
    protected = piece(at(0), attributes, stream=Stream.PROTECTED)
    ordinary = piece(at(0), prediction_batch(sample(1)))
    await archive.write(protected)
    await archive.write(ordinary)
    ends = BASE / 1_000 // 86_400 * 86_400 + 86_400
    assert await archive.expire(ends + 86_399, None, 1) == 0
    assert await archive.expire(ends + 86_400, None, 1) == 1
    assert await archive.parts(NAME, Stream.PROTECTED, *FOREVER) == ()
    assert len(await archive.parts(NAME, Stream.PREDICTIONS, *FOREVER)) == 1
    assert await archive.expire(ends + 86_400, 1, None) == 1
    assert await archive.parts(NAME, Stream.PREDICTIONS, *FOREVER) == ()


async def test_a_killed_writers_draft_is_no_part_and_goes_after_a_day(tmp_path: Path) -> None:
    archive = ParquetArchive(tmp_path.as_uri(), deadline_seconds=20.0)
    await archive.write(piece(at(0), label_batch(1), stream=Stream.LABELS))
    draft = tmp_path / ".drafts" / "left"
    draft.write_bytes(b"half a fi")
    written = draft.stat().st_mtime
    assert await archive.expire(written + 80_000, None, None) == 0
    assert await archive.expire(written + 90_000, None, None) == 1
    assert not draft.exists()
    assert len(await archive.parts(NAME, Stream.LABELS, *FOREVER)) == 1


async def test_a_file_that_a_reader_opens_is_whole(tmp_path: Path) -> None:
    archive = ParquetArchive(tmp_path.as_uri(), deadline_seconds=20.0)
    written = piece(at(0), prediction_batch(sample(25_000)))
    await archive.write(written)
    file = pq.ParquetFile(io.BytesIO(await archive.read(written.part)))
    assert file.metadata.num_rows == 25_000
    assert file.metadata.num_row_groups == 3
    assert file.schema_arrow.metadata[b"understudy.schema"] == b"1"
