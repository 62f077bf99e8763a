"""The log writer against a real Redis, over connections that are cut at the worst moments."""

import asyncio
import contextlib
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import redis
from prometheus_client import CollectorRegistry

from services.serving.adapters.event_log import EventLog
from services.serving.adapters.log_entries import Labelled, size_of
from services.serving.domain.table import Live
from services.serving.metrics import LogMetrics
from services.serving.ports import Answered
from tests.conftest import free_port
from tests.fakes.serving import LossyProxy, entries, loaded
from understudy.contracts.events import (
    LabelEvent,
    NumberColumn,
    PredictionBatch,
    decode_labels,
    decode_predictions,
    labels_key,
    predictions_key,
    unpack,
)
from understudy.inference.rows import Rows
from understudy.inference.scored import Scored
from understudy.launch.redis_server import find_redis_server, redis_command
from understudy.runtime.redis_client import redis_client

pytestmark = pytest.mark.anyio

FIRST = Live(1, loaded(1), challengers=(2,))
SECOND = Live(2, loaded(2), challengers=())


def answered(name: str, live: Live = FIRST, rows: int = 1) -> Answered:
    ids = [f"{name}.{index}" for index in range(rows)]
    numbers = np.arange(2.0 * rows).reshape(rows, 2)
    scored = Scored(np.ones(rows), np.tile([0.25, 0.75], (rows, 1)))
    return Answered("flowers", live, ids, time.time(), 0.001, Rows(numbers, ()), scored)


class Writer:
    """An event log under test, with its numbers."""

    def __init__(self, url: str, *, buffer_rows: int = 1_000, wait_seconds: float = 1.0) -> None:
        self.numbers = CollectorRegistry()
        self.client = redis_client(url, 0.5, 4)
        self.log = EventLog(
            self.client,
            LogMetrics(self.numbers),
            buffer_rows=buffer_rows,
            buffer_bytes=100_000_000,
            wait_seconds=wait_seconds,
        )

    def number(self, name: str, **labels: str) -> float:
        return self.numbers.get_sample_value(f"understudy_log_{name}", labels) or 0.0

    def rows(self, state: str) -> float:
        return self.number("rows_total", deployment="flowers", state=state)

    async def close(self) -> None:
        await self.log.drain(1.0)
        await self.client.aclose()


@pytest.fixture
async def writer_for() -> AsyncIterator[Callable[..., Writer]]:
    writers: list[Writer] = []

    def make(url: str, *, buffer_rows: int = 1_000, wait_seconds: float = 1.0) -> Writer:
        writers.append(Writer(url, buffer_rows=buffer_rows, wait_seconds=wait_seconds))
        return writers[-1]

    yield make
    for writer in writers:
        await writer.close()


@pytest.fixture
async def proxy(redis_url: str) -> AsyncIterator[LossyProxy]:
    proxy = LossyProxy(urlsplit(redis_url).port or 0)
    await proxy.start()
    yield proxy
    await proxy.stop()


def batches(url: str) -> list[PredictionBatch]:
    with redis.Redis.from_url(url) as client:
        return [
            decode_predictions(fields) for fields in entries(client, predictions_key("flowers"))
        ]


def logged_ids(url: str) -> list[str]:
    return [name for batch in batches(url) for name in batch.ids]


async def until(check: Callable[[], bool]) -> None:
    for _ in range(500):
        if check():
            return
        await asyncio.sleep(0.01)
    raise TimeoutError(f"{check} was not true within 5 s")


@contextlib.contextmanager
def running(command: Sequence[str]) -> Iterator[None]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        yield
        server.terminate()


async def test_a_reply_comes_when_its_rows_are_in_the_log(
    redis_url: str, writer_for: Callable[..., Writer]
) -> None:
    writer = writer_for(redis_url)
    assert await writer.log.predictions(answered("a", rows=3))
    (batch,) = batches(redis_url)
    assert batch.ids == ["a.0", "a.1", "a.2"]
    assert (batch.release, batch.main, batch.challengers) == (1, 1, (2,))
    assert [column.name for column in batch.columns] == ["length", "width"]
    assert isinstance(batch.columns[1], NumberColumn)
    assert unpack(batch.columns[1].data).tolist() == [1.0, 3.0, 5.0]
    assert unpack(batch.scores.probabilities, 2).tolist() == [[0.25, 0.75]] * 3
    assert writer.rows("logged") == 3


async def test_what_gathers_goes_in_one_entry_for_each_release(
    redis_url: str, writer_for: Callable[..., Writer]
) -> None:
    writer = writer_for(redis_url)
    lives = [FIRST, SECOND, FIRST, SECOND]
    await asyncio.gather(
        *(writer.log.predictions(answered(str(i), live)) for i, live in enumerate(lives))
    )
    assert [batch.ids for batch in batches(redis_url)] == [["0.0", "2.0"], ["1.0", "3.0"]]


async def test_labels_take_the_same_way(redis_url: str, writer_for: Callable[..., Writer]) -> None:
    writer = writer_for(redis_url)
    event = LabelEvent(prediction_id="a", label="setosa", received_at=1.0)
    assert await writer.log.labels("flowers", [event])
    with redis.Redis.from_url(redis_url) as client:
        (fields,) = entries(client, labels_key("flowers"))
    assert decode_labels(fields).items == [event]


async def test_a_label_that_can_not_be_encoded_takes_no_prediction_along(
    redis_url: str, writer_for: Callable[..., Writer]
) -> None:
    writer = writer_for(redis_url)
    event = LabelEvent(prediction_id="a", label=2**64, received_at=1.0)
    kept = await asyncio.gather(
        writer.log.predictions(answered("a")),
        writer.log.labels("flowers", [event]),
        writer.log.predictions(answered("b")),
    )
    assert [*kept] == [True, False, True]
    assert logged_ids(redis_url) == ["a.0", "b.0"]


async def test_a_flush_whose_reply_was_lost_is_not_applied_twice(
    redis_url: str, proxy: LossyProxy, writer_for: Callable[..., Writer]
) -> None:
    writer = writer_for(f"redis://127.0.0.1:{proxy.port}/0")
    await writer.log.predictions(answered("before"))
    proxy.swallow_replies = 2
    await writer.log.predictions(answered("lost"))
    await writer.log.predictions(answered("after"))
    await until(lambda: writer.rows("logged") == 3)
    assert logged_ids(redis_url) == ["before.0", "lost.0", "after.0"]
    assert writer.number("flush_failures_total") == 2


async def test_connections_cut_all_the_time_lose_and_double_nothing(
    redis_url: str, proxy: LossyProxy, writer_for: Callable[..., Writer]
) -> None:
    writer = writer_for(f"redis://127.0.0.1:{proxy.port}/0")
    for index in range(200):
        if index % 10 == 5:
            await proxy.stop()
            await proxy.start()
        if index % 10 == 8:
            proxy.swallow_replies += 1
        await writer.log.predictions(answered(str(index)))
        await asyncio.sleep(0.001)
    proxy.swallow_replies = 0
    await until(lambda: writer.rows("logged") == 200)
    assert logged_ids(redis_url) == [f"{index}.0" for index in range(200)]


async def test_replies_do_not_wait_while_redis_is_gone_and_rows_follow(
    tmp_path: Path, writer_for: Callable[..., Writer]
) -> None:
    port = free_port()
    command = redis_command(find_redis_server(), port=port, folder=tmp_path)
    url = f"redis://127.0.0.1:{port}/0"
    writer = writer_for(url, buffer_rows=50)
    started = time.monotonic()
    for index in range(60):
        assert await writer.log.predictions(answered(str(index))) is (index < 50)
    assert time.monotonic() - started < 1.0
    assert writer.number("degraded") == 1
    assert writer.number("buffered_rows") == 50
    assert writer.rows("dropped") == 10
    assert writer.number("late_replies_total", deployment="flowers") == 50
    with running(command):
        await until(lambda: writer.rows("logged") == 50)
        assert logged_ids(url) == [f"{index}.0" for index in range(50)]
        assert writer.number("degraded") == 0
        assert writer.number("buffered_rows") == 0
        await writer.log.predictions(answered("later"))
        assert logged_ids(url)[-1] == "later.0"


async def test_a_reply_waits_no_longer_than_it_may(
    redis_url: str, writer_for: Callable[..., Writer]
) -> None:
    writer = writer_for(redis_url, wait_seconds=0.1)
    with redis.Redis.from_url(redis_url) as client:
        client.execute_command("CLIENT", "PAUSE", "400", "ALL")
        started = time.monotonic()
        await writer.log.predictions(answered("slow"))
        assert time.monotonic() - started < 0.3
    assert writer.number("late_replies_total", deployment="flowers") == 1
    await until(lambda: writer.rows("logged") == 1)
    assert writer.number("degraded") == 0


async def test_a_redis_that_is_full_is_like_one_that_is_gone(
    redis_url: str, writer_for: Callable[..., Writer]
) -> None:
    writer = writer_for(redis_url)
    with redis.Redis.from_url(redis_url) as client:
        client.config_set("maxmemory", 1)
        try:
            await writer.log.predictions(answered("full"))
            assert writer.number("degraded") == 1
        finally:
            client.config_set("maxmemory", 0)
    await until(lambda: writer.rows("logged") == 1)
    assert logged_ids(redis_url) == ["full.0"]


async def test_what_can_not_be_written_before_the_end_is_counted(
    writer_for: Callable[..., Writer],
) -> None:
    writer = writer_for(f"redis://127.0.0.1:{free_port()}/0")
    await writer.log.predictions(answered("a", rows=4))
    await writer.log.drain(0.1)
    assert writer.rows("dropped") == 4
    assert writer.number("buffered_rows") == 0


async def test_a_great_backlog_is_written_in_bounded_entries(
    redis_url: str, writer_for: Callable[..., Writer]
) -> None:
    writer = writer_for(redis_url, buffer_rows=20_000)
    await asyncio.gather(*(writer.log.predictions(answered(str(i), rows=1_000)) for i in range(12)))
    assert [len(batch.ids) for batch in batches(redis_url)] == [5_000, 5_000, 2_000]


def test_the_size_of_a_record_is_about_that_of_its_entry() -> None:
    texts = ["x" * 500, None] * 500
    record = replace(answered("a", rows=1_000), rows=Rows(np.zeros((1_000, 2)), (texts,)))
    encoded = 500 * 500 + 1_000 * 50
    assert encoded < size_of(record) < 2 * encoded
    labels = [LabelEvent(prediction_id="a", label="é" * 500, received_at=1.0)] * 100
    assert 50_000 < size_of(Labelled("d", labels)) < 200_000
