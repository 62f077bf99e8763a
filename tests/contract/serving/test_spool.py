"""The disk spool on a real file system: what it took is there after a kill, in order, once."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from services.serving.adapters import spool_stored
from services.serving.adapters.flushes import Flush, StreamEntry, apply_once
from services.serving.adapters.lanes import RefusedError
from services.serving.adapters.redis_line import RedisLine
from services.serving.adapters.spool import Spool
from services.serving.adapters.spool_drain import Drain
from services.serving.adapters.spool_folders import adopt
from services.serving.adapters.spool_segments import framed
from services.serving.metrics import LogMetrics

pytestmark = pytest.mark.anyio

WRITER = Path(__file__).with_name("spool_writer.py")


def flush(number: int, *, deployment: str = "flowers", writer: str = "w", size: int = 10) -> Flush:
    stream = f"understudy:{{{deployment}}}:predictions"
    return Flush(deployment, writer, number, 2, [StreamEntry(stream, b"1", b"x" * size)])


class Disk:
    """A spool under test, with its numbers, and where it is drained to."""

    def __init__(self, root: Path, writer: str = "w", most_bytes: int = 1_000_000) -> None:
        self.numbers = CollectorRegistry()
        metrics = LogMetrics(self.numbers)
        self.spool = Spool(root, writer, metrics, most_bytes=most_bytes, segment_bytes=1_000)
        self.drain = Drain(self.spool, self.apply, metrics)
        self.applied: list[Flush] = []
        self.error: Exception | None = None

    async def apply(self, flushes: Sequence[Flush]) -> None:
        if self.error is not None:
            raise self.error
        self.applied += flushes

    async def take(self, *flushes: Flush) -> list[bool]:
        return await asyncio.gather(*(self.spool.append(each) for each in flushes))

    async def drain_all(self) -> list[int]:
        while await self.drain.step():
            pass
        return [each.number for each in self.applied]

    def number(self, name: str, **labels: str) -> float:
        return self.numbers.get_sample_value(f"understudy_log_{name}", labels) or 0.0


@pytest.fixture
async def disk(tmp_path: Path) -> AsyncIterator[Callable[..., Disk]]:
    made: list[Disk] = []

    def make(*, writer: str = "w", most_bytes: int = 1_000_000) -> Disk:
        made.append(Disk(tmp_path / "spool", writer, most_bytes))
        return made[-1]

    yield make
    for each in made:
        await each.spool.close()


async def test_flushes_come_out_in_order_and_leave_no_files(
    disk: Callable[..., Disk], tmp_path: Path
) -> None:
    held = disk()
    for first in range(1, 60, 3):
        assert await held.take(*map(flush, range(first, first + 3))) == [True] * 3
    assert held.number("spool_segments") > 1
    assert (held.spool.rows, held.spool.holds("flowers"), held.spool.holds("weeds")) == (
        120,
        True,
        False,
    )
    assert await held.drain_all() == [*range(1, 61)]
    assert not held.spool.holds("flowers")
    assert held.number("rows_total", deployment="flowers", state="replayed") == 120
    assert [held.number(f"spool_{what}") for what in ("rows", "bytes", "segments")] == [0, 0, 0]
    assert [*(tmp_path / "spool" / "w").glob("*.spool")] == []


async def test_what_was_drained_makes_room_for_what_comes(disk: Callable[..., Disk]) -> None:
    held = disk(most_bytes=500)
    taken = [(await held.take(flush(number, size=50)))[0] for number in range(1, 10)]
    assert 1 < sum(taken) < 9
    kept = [number for number, was in zip(range(1, 10), taken, strict=True) if was]
    assert await held.drain_all() == kept
    assert await held.take(flush(20, size=50)) == [True]
    assert await held.drain_all() == [*kept, 20]


async def test_flushes_that_come_while_others_are_drained_stay_behind_them(
    disk: Callable[..., Disk],
) -> None:
    held = disk()
    await held.take(flush(1), flush(2))
    for number in range(3, 30):
        await asyncio.gather(held.drain.step(), held.take(flush(number)))
    assert await held.drain_all() == [*range(1, 30)]


async def test_a_drain_that_fails_goes_on_where_it_stopped(disk: Callable[..., Disk]) -> None:
    held = disk()
    await held.take(flush(1), flush(1, deployment="weeds"), flush(2))
    held.error = ConnectionError("gone")
    with pytest.raises(ConnectionError):
        await held.drain.step()
    assert held.spool.rows == 6
    held.error = None
    assert sorted(await held.drain_all()) == [1, 1, 2]


async def test_flushes_that_redis_never_takes_are_dropped_and_hold_up_no_other(
    disk: Callable[..., Disk],
) -> None:
    held = disk()
    await held.take(flush(1))
    held.error = RefusedError("WRONGTYPE")
    assert await held.drain.step()
    assert held.number("rows_total", deployment="flowers", state="dropped") == 2
    assert held.spool.rows == 0


async def test_a_corrupt_record_is_counted_and_holds_up_nothing(
    disk: Callable[..., Disk], tmp_path: Path
) -> None:
    held = disk()
    await held.take(flush(1), flush(2), flush(3))
    (segment,) = (tmp_path / "spool" / "w").glob("*.spool")
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 0xFF
    segment.write_bytes(data)
    assert await held.drain_all() == [1, 3]
    assert held.number("spool_bad_records_total", kind="corrupt") == 1
    assert not held.spool.holds("flowers")


async def test_a_segment_that_was_taken_away_holds_up_nothing(
    disk: Callable[..., Disk], tmp_path: Path
) -> None:
    held = disk()
    await held.take(flush(1))
    next((tmp_path / "spool" / "w").glob("*.spool")).unlink()
    assert await held.drain_all() == []
    assert await held.take(flush(2)) == [True]
    assert await held.drain_all() == [2]


async def test_a_disk_that_can_not_be_written_refuses_and_takes_rows_again(
    disk: Callable[..., Disk], tmp_path: Path
) -> None:
    (tmp_path / "spool").touch()
    held = disk()
    assert await held.take(flush(1), flush(2)) == [False, False]
    assert not held.spool.holds("flowers")
    (tmp_path / "spool").unlink()
    assert await held.take(flush(3)) == [True]
    assert await held.drain_all() == [3]


async def test_a_device_without_room_loses_no_record_that_was_taken(
    disk: Callable[..., Disk], monkeypatch: pytest.MonkeyPatch
) -> None:
    held = disk()
    assert await held.take(flush(1)) == [True]
    sync = os.fdatasync

    def no_space(_file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fdatasync", no_space)
    assert await held.take(flush(2)) == [False]
    monkeypatch.setattr(os, "fdatasync", sync)
    assert await held.take(flush(3)) == [True]
    assert await held.drain_all() == [1, 3]


async def test_the_folder_of_a_living_writer_is_left_alone(
    disk: Callable[..., Disk], tmp_path: Path
) -> None:
    await disk().take(flush(1))
    other = disk(writer="other")
    await other.spool.adopt()
    assert await other.drain_all() == []
    assert [*adopt(tmp_path / "spool")] == []


async def test_what_a_writer_left_is_adopted_once_and_drained_before_ones_own(
    disk: Callable[..., Disk], tmp_path: Path
) -> None:
    former = disk()
    await former.take(*map(flush, range(1, 30)))
    await former.drain.step()
    done = [each.number for each in former.applied]
    await former.spool.close()
    heirs = [disk(writer="a"), disk(writer="b")]
    await heirs[0].take(flush(1, writer="a"))
    for heir in heirs:
        await heir.spool.adopt()
    numbers = await heirs[0].drain_all()
    assert numbers == [*range(len(done) + 1, 30), 1]
    assert await heirs[1].drain_all() == []
    assert not (tmp_path / "spool" / "w").exists()


async def test_a_folder_that_can_not_be_looked_at_is_tried_again(
    disk: Callable[..., Disk], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("dead1", "dead2"):
        left_behind(tmp_path / "spool", name, framed(flush(1, writer=name)))
    heir = disk(writer="heir")
    with unreadable(monkeypatch, spool_stored, "_left_behind", lambda folder: folder.path, "dead1"):
        await heir.spool.adopt()
    assert heir.spool.rows == 2
    await heir.spool.adopt()
    assert heir.spool.rows == 4
    assert len(await heir.drain_all()) == 2


async def test_a_folder_that_can_not_be_read_holds_up_nothing_else(
    disk: Callable[..., Disk], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("dead1", "dead2"):
        left_behind(tmp_path / "spool", name, framed(flush(1, writer=name)))
    heir = disk(writer="heir")
    await heir.take(flush(1, writer="heir"))
    await heir.spool.adopt()
    with unreadable(monkeypatch, spool_stored, "read_chunk", lambda path, *_: path, "dead1"):
        await heir.drain_all()
        assert [each.writer for each in heir.applied] == ["dead2", "heir"]
        assert (heir.spool.rows, heir.spool.holds("flowers")) == (2, False)
        assert heir.number("spool_read_failures_total") == 1
    await heir.spool.adopt()
    await heir.drain_all()
    assert [each.writer for each in heir.applied] == ["dead2", "heir", "dead1"]
    assert not (tmp_path / "spool" / "dead1").exists()


async def test_segments_without_rows_take_none_behind_them_along(
    disk: Callable[..., Disk], tmp_path: Path
) -> None:
    left_behind(tmp_path / "spool", "dead", b"", b"", framed(flush(7)))
    heir = disk(writer="heir")
    await heir.spool.adopt()
    assert await heir.drain_all() == [7]
    assert [*(tmp_path / "spool").iterdir()] == []


async def test_a_folder_whose_writer_was_killed_before_it_had_a_name_is_removed(
    disk: Callable[..., Disk], tmp_path: Path
) -> None:
    for name in ("old", "new"):
        (tmp_path / "spool" / f".{name}").mkdir(parents=True)
    os.utime(tmp_path / "spool" / ".old", (0, 0))
    heir = disk(writer="new")
    await heir.spool.adopt()
    assert [path.name for path in (tmp_path / "spool").iterdir()] == [".new"]
    assert await heir.take(flush(1)) == [True]


def left_behind(root: Path, writer: str, *segments: bytes) -> None:
    """A dead writer's folder."""
    folder = root / writer
    folder.mkdir(parents=True)
    for number, content in enumerate(segments, 1):
        (folder / f"{number:08}.spool").write_bytes(content)


@contextlib.contextmanager
def unreadable(
    monkeypatch: pytest.MonkeyPatch,
    module: ModuleType,
    name: str,
    path_of: Callable[..., Path],
    writer: str,
) -> Iterator[None]:
    """A disk that can't read what is of one writer."""
    real = getattr(module, name)

    def read(*args: Any) -> Any:
        if writer in str(path_of(*args)):
            raise OSError(5, "Input/output error")
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(module, name, read)
        yield


async def test_what_a_killed_writer_was_told_is_safe_is_replayed_once(
    disk: Callable[..., Disk], tmp_path: Path, redis_url: str
) -> None:
    acknowledged = _killed_writer(tmp_path / "spool", acknowledged=200)
    heir = disk(writer="heir")
    await heir.spool.adopt()
    line = RedisLine(redis_url, 2.0)
    # The last flush may have reached Redis before the writer fell back on its disk.
    await apply_once(line, [flush(1, writer="killed")])

    async def apply(flushes: Sequence[Flush]) -> None:
        await apply_once(line, flushes)
        await heir.apply(flushes)

    heir.drain = Drain(heir.spool, apply, LogMetrics(CollectorRegistry()))
    numbers = await heir.drain_all()
    assert numbers == [*range(1, len(numbers) + 1)]
    assert len(numbers) >= acknowledged
    assert await line.call("XLEN", "understudy:{flowers}:predictions") == len(numbers)
    assert [*(tmp_path / "spool").iterdir()] == []
    await line.aclose()


def _killed_writer(root: Path, acknowledged: int) -> int:
    """Have a process append until it has acknowledged so many flushes, and kill it at work."""
    with subprocess.Popen(
        [sys.executable, str(WRITER), str(root)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        seen = 0
        for line in process.stdout:
            seen = int(line)
            if seen >= acknowledged:
                process.kill()
                break
        return max([seen, *map(int, process.stdout.read().split())])
