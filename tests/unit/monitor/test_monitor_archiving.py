"""Carrying the log over: whatever fails between file and position, each entry is there once."""

from dataclasses import dataclass, field

import pytest
from prometheus_client import CollectorRegistry

from services.monitor.domain.parts import (
    START,
    EntryId,
    PartId,
    PartLimits,
    Stream,
    expired,
    parse_part,
)
from services.monitor.metrics import ArchiveMetrics
from services.monitor.operations.archiving import Archiving, Expiring, NotArchiving
from services.monitor.ports import Piece
from tests.fakes.monitor_archive import MemoryArchive, MemoryBacklog
from tests.fakes.monitor_entries import NAME, label_batch, prediction_batch, sample

pytestmark = pytest.mark.anyio

BASE = 1_700_000_000_000
LIMITS = PartLimits(window_milliseconds=1_000, rows=10, size=10**6)


@dataclass
class World:
    """A log, an archive, and whoever carries."""

    archive: MemoryArchive = field(default_factory=MemoryArchive)
    backlog: MemoryBacklog = field(
        default_factory=lambda: MemoryBacklog(LIMITS, now_milliseconds=BASE + 60_000)
    )
    numbers: CollectorRegistry = field(default_factory=CollectorRegistry)
    names: set[str] = field(default_factory=lambda: {NAME})

    def __post_init__(self) -> None:
        self.metrics = ArchiveMetrics(self.numbers)

    def archiving(self) -> Archiving:
        return Archiving(
            self.archive,
            self.backlog,
            lambda: self.names,
            self.metrics,
            lambda: self.backlog.now_milliseconds / 1_000,
        )

    def write(self, milliseconds: int, stream: Stream = Stream.PREDICTIONS) -> EntryId:
        name = EntryId(BASE + milliseconds, 0)
        entry = label_batch(1) if stream is Stream.LABELS else prediction_batch(sample(1))
        self.backlog.append(stream, name, entry, deployment=NAME)
        return name

    def archived(self, stream: Stream = Stream.PREDICTIONS) -> list[EntryId]:
        """As readers see it."""
        found = [part for part in self.archive.pieces if part.stream is stream]
        parts = sorted(found, key=lambda part: part.first)
        return [name for part in parts for name, _ in self.archive.pieces[part].entries]

    def number(self, name: str, stream: Stream = Stream.PREDICTIONS) -> float | None:
        labels = {"deployment": NAME, "stream": str(stream)}
        return self.numbers.get_sample_value(f"understudy_archive_{name}", labels)

    def failures(self) -> float | None:
        return self.numbers.get_sample_value(
            "understudy_archive_failures_total", {"deployment": NAME}
        )


class KilledError(BaseException):
    """No step survives it."""


async def test_all_streams_come_over_and_positions_follow() -> None:
    world = World()
    predictions = [world.write(at) for at in range(0, 4_000, 100)]
    labels = [world.write(at, Stream.LABELS) for at in (5, 2_000)]
    await world.archiving().step()
    assert world.archived() == predictions
    assert world.archived(Stream.LABELS) == labels
    assert world.backlog.positions[NAME][Stream.PREDICTIONS] == predictions[-1]
    assert world.backlog.positions[NAME][Stream.PAIRS] == START
    assert (world.number("rows_total"), world.number("lag_seconds")) == (40, 0.0)


async def test_what_waits_for_its_window_is_the_lag() -> None:
    world = World()
    world.write(59_500)
    world.backlog.now_milliseconds -= 100
    await world.archiving().step()
    assert world.archived() == []
    assert world.number("lag_seconds") == pytest.approx(0.4, abs=1e-6)


@pytest.mark.parametrize("rounds", range(4))
async def test_a_kill_between_file_and_position_doubles_nothing(rounds: int) -> None:
    world = World()
    written = [world.write(at) for at in range(0, 5_000, 50)]
    moves = 0
    move = world.backlog.move

    async def killed(deployment: str, stream: Stream, before: EntryId, after: EntryId) -> bool:
        nonlocal moves
        moves += 1
        if moves == rounds + 1:
            raise KilledError
        return await move(deployment, stream, before, after)

    world.backlog.move = killed  # type: ignore[method-assign]
    with pytest.raises(KilledError):
        await world.archiving().step()
    # More came meanwhile, and the next life has other limits: its parts would be cut elsewhere.
    world.backlog.limits = PartLimits(window_milliseconds=3_000, rows=17, size=10**6)
    written.append(world.write(5_500))
    await world.archiving().step()
    assert world.archived() == written


async def test_positions_that_redis_forgot_are_found_in_the_archive() -> None:
    world = World()
    written = [world.write(at) for at in range(0, 5_000, 50)]
    archiving = world.archiving()
    await archiving.step()
    world.backlog.positions.clear()
    writes = world.archive.writes
    await archiving.step()
    assert (world.archive.writes, world.archived()) == (writes, written)
    assert world.backlog.positions[NAME][Stream.PREDICTIONS] == written[-1]


async def test_a_log_begun_anew_is_archived_from_its_start() -> None:
    world = World()
    world.write(5_000)
    archiving = world.archiving()
    await archiving.step()
    world.backlog.entries.clear()
    world.backlog.positions.clear()
    # The clock was set back in between.
    late = world.write(1_000)
    await archiving.step()
    assert late in world.archived()


async def test_a_store_that_fails_loses_nothing_and_holds_up_trimming() -> None:
    world = World()
    written = [world.write(at) for at in range(0, 3_000, 500)]
    world.archive.failure = OSError("disk full")
    archiving = world.archiving()
    for _ in range(3):
        await archiving.step()
    assert world.backlog.positions[NAME][Stream.PREDICTIONS] == START
    assert world.failures() == 3
    world.archive.failure = None
    await archiving.step()
    assert world.archived() == written


async def test_two_that_archive_the_same_write_the_same() -> None:
    world = World()
    written = [world.write(at) for at in range(0, 3_000, 50)]
    one, other = world.archiving(), world.archiving()
    original = world.archive.write

    async def overtaken(piece: Piece) -> int:
        world.archive.write = original  # type: ignore[method-assign]
        await other.step()
        return await original(piece)

    world.archive.write = overtaken  # type: ignore[method-assign]
    await one.step()
    assert world.failures() == 1
    await one.step()
    assert world.archived() == written


async def test_entries_that_can_not_be_read_are_passed_over() -> None:
    world = World()
    world.backlog.append(Stream.PREDICTIONS, EntryId(BASE, 0), None, deployment=NAME)
    await world.archiving().step()
    assert world.archived() == []
    assert world.backlog.positions[NAME][Stream.PREDICTIONS] == EntryId(BASE, 0)


async def test_a_deployment_that_went_leaves_no_lag() -> None:
    world = World()
    archiving = world.archiving()
    await archiving.step()
    assert world.number("lag_seconds") == 0.0
    world.names.clear()
    await archiving.step()
    assert world.number("lag_seconds") is None


async def test_switched_off_trimming_is_told_not_to_wait() -> None:
    world = World()
    await world.archiving().step()
    await NotArchiving(world.backlog, lambda: world.names).step()
    assert world.backlog.positions == {}


async def test_old_days_go() -> None:
    world = World()
    world.write(0)
    await world.archiving().step()
    clock = BASE / 1_000 + 3 * 86_400
    await Expiring(world.archive, None, 1.0, lambda: clock).step()
    assert len(world.archive.pieces) == 1
    await Expiring(world.archive, 1.0, None, lambda: clock).step()
    assert not world.archive.pieces


def test_names_of_parts_are_read_back() -> None:
    part = PartId(NAME, Stream.PAIRS, EntryId(BASE, 0), EntryId(BASE + 5, 12), 340)
    assert part.name == "1700000000000-0_1700000000005-12_340.parquet"
    assert parse_part(NAME, Stream.PAIRS, part.name) == part
    for name in ("", "1-0_2-0.parquet", "../1-0_2-0_3.parquet", "1-0_2-0_3.parquet.draft"):
        assert parse_part(NAME, Stream.PAIRS, name) is None


def test_windows_end_at_midnight_too() -> None:
    midnight = 1_700_006_400_000
    limits = PartLimits(window_milliseconds=7 * 60_000, rows=1, size=1)
    assert limits.window_end(EntryId(midnight - 1, 0)) == midnight
    assert limits.window_end(EntryId(midnight, 0)) <= midnight + 7 * 60_000


def test_a_day_is_old_when_its_last_moment_is() -> None:
    day = EntryId(BASE, 0).day
    ends = (BASE // 86_400_000 + 1) * 86_400.0
    assert expired(day, ends + 86_400 * 2, 2)
    assert not expired(day, ends + 86_400 * 2 - 1, 2)
    assert not expired(day, 1e12, None)
