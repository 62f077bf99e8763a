"""A follower takes up what is newer, keeps it on disk, and starts without the registry."""

import asyncio
from pathlib import Path

import pytest

from understudy.contracts.registry import FollowerReport, Snapshot
from understudy.runtime.following import Follower, SnapshotCache

pytestmark = pytest.mark.anyio


class Source:
    """A registry that has one snapshot, or is gone."""

    def __init__(self, snapshot: Snapshot | None) -> None:
        self.current = snapshot
        self.asked: list[int | None] = []

    async def snapshot(self, newer_than: int | None, wait_seconds: float) -> Snapshot | None:
        assert wait_seconds > 0
        self.asked.append(newer_than)
        if self.current is None:
            raise ConnectionError
        return None if self.current.sequence == newer_than else self.current

    async def report(self, report: FollowerReport) -> None:
        raise NotImplementedError(report)


async def test_a_newer_snapshot_is_taken_up_told_and_kept(tmp_path: Path) -> None:
    cache = SnapshotCache(tmp_path / "deep" / "snapshot.json")
    follower, heard = Follower(Source(Snapshot(sequence=7)), cache, 1.0), list[int]()
    follower.subscribe(lambda snapshot: heard.append(snapshot.sequence))
    assert await follower.step()
    assert not await follower.step()
    assert heard == [7]
    assert cache.load() == Snapshot(sequence=7)


def test_what_a_newer_registry_says_beside_is_passed_over() -> None:
    told = b'{"sequence": 7, "moods": ["calm"], "keys": [], "deployments": []}'
    assert Snapshot.read(told) == Snapshot(sequence=7)
    with pytest.raises(ValueError, match="sequence"):
        Snapshot.read(b'{"moods": []}')


async def test_without_a_registry_the_kept_snapshot_serves(tmp_path: Path) -> None:
    cache = SnapshotCache(tmp_path / "snapshot.json")
    cache.store(Snapshot(sequence=3))
    follower = Follower(Source(None), cache, 1.0)
    assert follower.resume()
    with pytest.raises(ConnectionError):
        await follower.step()
    assert follower.snapshot == Snapshot(sequence=3)


async def test_a_smaller_sequence_is_taken_too_since_a_registry_may_be_restored(
    tmp_path: Path,
) -> None:
    source = Source(Snapshot(sequence=9))
    follower = Follower(source, SnapshotCache(tmp_path / "s"), 1.0)
    await follower.step()
    source.current = Snapshot(sequence=2)
    assert await follower.step()
    assert source.asked == [None, 9]


async def test_a_disk_that_takes_nothing_stands_in_no_revocations_way(tmp_path: Path) -> None:
    in_the_way = tmp_path / "folder"
    in_the_way.touch()
    cache, source = SnapshotCache(in_the_way / "s"), Source(Snapshot(sequence=4))
    follower, heard = Follower(source, cache, 1.0), list[int]()
    follower.subscribe(lambda snapshot: heard.append(snapshot.sequence))
    assert await follower.step()
    source.current = Snapshot(sequence=5)
    assert await follower.step()
    assert heard == [4, 5]
    in_the_way.unlink()
    assert not await follower.step()
    assert cache.load() == Snapshot(sequence=5)


def test_a_draft_that_can_not_be_moved_is_not_left(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    with pytest.raises(OSError, match="directory"):
        SnapshotCache(tmp_path / "s").store(Snapshot(sequence=1))
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


async def test_a_source_that_does_not_hold_questions_is_not_asked_without_end(
    tmp_path: Path,
) -> None:
    source = Source(Snapshot(sequence=1))
    following = asyncio.create_task(Follower(source, SnapshotCache(tmp_path / "s"), 1.0).run())
    await asyncio.sleep(0.2)
    following.cancel()
    assert 2 <= len(source.asked) <= 21


def test_a_broken_file_is_no_snapshot(tmp_path: Path) -> None:
    (tmp_path / "s").write_text('{"sequence": ')
    assert SnapshotCache(tmp_path / "s").load() is None


def test_only_the_owner_may_read_the_file(tmp_path: Path) -> None:
    SnapshotCache(tmp_path / "s").store(Snapshot(sequence=1))
    assert (tmp_path / "s").stat().st_mode & 0o077 == 0
