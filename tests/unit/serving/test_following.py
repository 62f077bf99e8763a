"""A process stays at the newest snapshot, whatever takes long or fails on the way."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.serving.loops import Following
from tests.fakes.serving import eventually
from understudy.contracts.registry import FollowerReport, Snapshot
from understudy.contracts.vocabulary import Component
from understudy.runtime.following import Follower, SnapshotCache

pytestmark = pytest.mark.anyio


class Source:
    """Implements `SnapshotSource`: snapshots come when the test says so."""

    def __init__(self) -> None:
        self.coming: asyncio.Queue[Snapshot] = asyncio.Queue()

    def publish(self, sequence: int) -> None:
        self.coming.put_nowait(Snapshot(sequence=sequence, deployments=()))

    async def snapshot(self, newer_than: int | None, wait_seconds: float) -> Snapshot | None:
        del newer_than, wait_seconds
        return await self.coming.get()

    async def report(self, report: FollowerReport) -> None:
        """Nobody reads it here."""


class World:
    def __init__(self, folder: Path) -> None:
        self.source = Source()
        self.begun: list[int] = []
        self.done: list[int] = []
        self.gates: dict[int, asyncio.Event] = {}
        follower = Follower(self.source, SnapshotCache(folder / "snapshot.json"), 1.0)
        self.following = Following(follower, self.source, self.take_up, self.report, 10.0)

    async def take_up(self, snapshot: Snapshot) -> bool:
        self.begun.append(snapshot.sequence)
        if snapshot.sequence in self.gates:
            await self.gates[snapshot.sequence].wait()
        self.done.append(snapshot.sequence)
        return True

    def report(self) -> FollowerReport:
        return FollowerReport(instance="here:1", component=Component.SERVING, releases={})

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.following.run())
        yield
        task.cancel()
        await asyncio.wait([task])

    async def until_done(self, *sequences: int) -> None:
        await asyncio.to_thread(eventually, lambda: self.done == [*sequences], 5.0)


async def test_a_start_that_was_cut_short_is_tried_again(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.source.publish(1)
    world.gates[1] = asyncio.Event()
    await world.following.begin(0.05)
    assert (world.begun, world.done) == ([1], [])
    world.gates[1].set()
    async with world.running():
        await world.until_done(1)


async def test_a_newer_snapshot_waits_for_no_older_one(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.gates[1] = asyncio.Event()
    async with world.running():
        world.source.publish(1)
        await asyncio.sleep(0.05)
        world.source.publish(2)
        await world.until_done(2)
    assert world.begun == [1, 2]


async def test_a_start_that_was_whole_is_not_repeated(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.source.publish(1)
    await world.following.begin(5.0)
    async with world.running():
        world.source.publish(2)
        await world.until_done(1, 2)
    assert world.begun == [1, 2]
