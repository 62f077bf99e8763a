"""Artifacts: one file per digest, whoever fetches it how often; no drafts are left behind.

Reports: what a registry of before does not know of is not insisted on.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from tests.fakes.monitor import FakeRegistry, fake_registry
from understudy.client.following import DigestMismatchError, RegistryFollowing, prune_artifacts
from understudy.contracts.registry import FollowerReport, Snapshot
from understudy.contracts.vocabulary import Component

pytestmark = pytest.mark.anyio

Sides = tuple[FakeRegistry, RegistryFollowing]


@pytest.fixture
async def sides() -> AsyncIterator[Sides]:
    with fake_registry(Snapshot(sequence=1)) as registry:
        client = RegistryFollowing(registry.url, "us_key")
        yield registry, client
        await client.aclose()


async def test_many_may_fetch_one_digest_at_a_time(sides: Sides, tmp_path: Path) -> None:
    registry, client = sides
    digest = registry.store(b"model" * 100_000)
    paths = await asyncio.gather(*(client.fetch_artifact(digest, tmp_path) for _ in range(6)))
    assert set(paths) == {tmp_path / digest}
    assert _names(tmp_path) == {digest}


async def test_a_failed_download_leaves_nothing(sides: Sides, tmp_path: Path) -> None:
    registry, client = sides
    registry.artifacts["a" * 64] = b"something else"
    with pytest.raises(DigestMismatchError):
        await client.fetch_artifact("a" * 64, tmp_path)
    with pytest.raises(httpx.HTTPStatusError):
        await client.fetch_artifact("b" * 64, tmp_path)
    assert _names(tmp_path) == set()


async def test_a_download_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    async def half(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf of it")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(half, "127.0.0.1", 0)
    client = RegistryFollowing(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", "us_key")
    async with server:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.fetch_artifact("a" * 64, tmp_path)
        await client.aclose()
    assert _names(tmp_path) == set()


async def test_what_was_used_lately_is_not_pruned(sides: Sides, tmp_path: Path) -> None:
    registry, client = sides
    used, wanted = registry.store(b"used"), registry.store(b"wanted")
    names = {used, wanted, "unused", f"{wanted}.0123.part", "new"}
    for name in names:
        (tmp_path / name).write_bytes(registry.artifacts.get(name, b""))
        if name != "new":
            os.utime(tmp_path / name, (0.0, time.time() - 100.0))
    await client.fetch_artifact(used, tmp_path)
    assert prune_artifacts(tmp_path, {wanted}, 50.0) == 2
    assert _names(tmp_path) == {used, wanted, "new"}


async def test_where_nothing_was_kept_nothing_is_pruned(tmp_path: Path) -> None:
    assert prune_artifacts(tmp_path / "none", set(), 0.0) == 0


@pytest.mark.parametrize("knows_uses", [True, False])
async def test_a_registry_of_before_is_told_what_is_loaded_alone(
    sides: Sides, *, knows_uses: bool
) -> None:
    registry, client = sides
    registry.knows_uses = knows_uses
    used = {"1a2b3c4d": datetime(2026, 1, 1, tzinfo=UTC)}
    report = FollowerReport(
        instance="here:1", component=Component.SERVING, releases={"flowers": 1}, used=used
    )
    await client.report(report)
    told = report if knows_uses else report.model_copy(update={"used": {}})
    assert registry.reports == [told]


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}
