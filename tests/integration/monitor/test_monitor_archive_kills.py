"""Monitors that are killed while they archive: every entry is in the archive exactly once."""

import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import redis

from services.monitor.domain.parts import EntryId, Stream
from tests.fakes.monitor import FakeRegistry, fake_registry
from tests.fakes.monitor_entries import (
    NAME,
    deployment,
    label_batch,
    pair_batch,
    prediction_batch,
    reference_file,
    sample,
    snapshot,
)
from tests.monitor_process import running
from understudy.contracts import events

pytestmark = pytest.mark.slow

KILLS = 8
SETTINGS = {"ARCHIVE_SECONDS": "0.2", "ARCHIVE_ROWS": "40", "LEASE_SECONDS": "2"}


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with fake_registry(snapshot()) as server:
        server.publish(snapshot(deployment(reference=server.store(reference_file()))))
        yield server


def add(client: "redis.Redis", key: str, entry: events.Entry) -> None:
    fields: Any = events.encode(entry)
    client.xadd(key, fields)


def write_until(stopped: threading.Event, redis_url: str) -> None:
    choice, row = random.Random(3), 0
    with redis.Redis.from_url(redis_url) as client:
        while not stopped.wait(0.005):
            rows = choice.randint(1, 4)
            batch = prediction_batch(sample(rows, seed=row), at=time.time(), first_id=row)
            add(client, events.predictions_key(NAME), batch)
            pairs = pair_batch([0.4] * rows, [0.6] * rows, at=time.time(), first_id=row)
            add(client, events.pairs_key(NAME), pairs)
            add(client, events.labels_key(NAME), label_batch(rows, first_id=row))
            row += rows


def in_the_log(redis_url: str, key: str) -> list[EntryId]:
    with redis.Redis.from_url(redis_url) as client:
        found: Any = client.xrange(key)
    return [EntryId.parse(name.decode()) for name, _ in found]


def until_archived(redis_url: str, ends: dict[str, bytes], told: Path) -> None:
    deadline = time.monotonic() + 90.0
    with redis.Redis.from_url(redis_url) as client:
        while time.monotonic() < deadline:
            found: Any = client.hgetall(events.archive_positions_key(NAME))
            if all(found.get(stream.encode()) == end for stream, end in ends.items()):
                return
            time.sleep(0.05)
    raise AssertionError(f"{found}\n{told.read_text()[-3000:]}")


@pytest.mark.timeout(400)
def test_after_many_kills_every_entry_is_archived_once(
    redis_url: str, registry: FakeRegistry, tmp_path: Path
) -> None:
    stopped, choice = threading.Event(), random.Random(5)
    writer = threading.Thread(target=write_until, args=(stopped, redis_url))
    writer.start()
    archive = tmp_path / "monitor" / "archive"
    with running(redis_url, registry, tmp_path, SETTINGS) as monitor:
        try:
            for _ in range(KILLS):
                _until_more(archive)
                _until_written(redis_url, choice.randint(0, 30))
                monitor.kill()
                monitor.start()
        finally:
            stopped.set()
            writer.join()
        keys = {
            Stream.PREDICTIONS: events.predictions_key(NAME),
            Stream.PAIRS: events.pairs_key(NAME),
            Stream.LABELS: events.labels_key(NAME),
        }
        written = {stream: in_the_log(redis_url, key) for stream, key in keys.items()}
        ends = {str(stream): str(names[-1]).encode() for stream, names in written.items()}
        until_archived(redis_url, ends, tmp_path / "monitor.log")
    for stream, names in written.items():
        with duckdb.connect() as connection:
            found = connection.execute(
                f"select entry, count(*), count(distinct row) "  # noqa: S608 - names of ours
                f"from '{archive}/deployment={NAME}/stream={stream}/*/*.parquet' group by entry"
            ).fetchall()
        assert sorted(EntryId.parse(entry) for entry, _, _ in found) == names
        assert all(rows == distinct for _, rows, distinct in found)


def _until_more(archive: Path) -> None:
    """Wait until the monitor that runs has archived something."""
    before, deadline = len([*archive.rglob("*.parquet")]), time.monotonic() + 90.0
    while len([*archive.rglob("*.parquet")]) <= before:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _until_written(redis_url: str, entries: int) -> None:
    """Wait until the writer has added so many: a moment that has nothing to do with the archive."""
    last = "$"
    with redis.Redis.from_url(redis_url) as client:
        for _ in range(entries):
            found: Any = client.xread({events.predictions_key(NAME): last}, count=1, block=30_000)
            [(_, [(last, _)])] = found
