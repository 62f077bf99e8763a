"""The log writer against a real Redis, over connections that are cut at the worst moments."""

import asyncio
import contextlib
import signal
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

from services.serving.adapters.event_log import EventLog, LogBounds
from services.serving.adapters.log_entries import Labelled, size_of
from services.serving.adapters.redis_line import RedisLine
from services.serving.domain.elsewhere import Said
from services.serving.domain.table import Live
from services.serving.metrics import LogMetrics
from services.serving.ports import Answered, ToldPair, ToldRow
from tests.conftest import free_port
from tests.fakes.serving import LossyProxy, entries, loaded
from understudy.contracts.events import (
    LabelEvent,
    NumberColumn,
    PredictionBatch,
    ProtectedEvent,
    decode_labels,
    decode_pairs,
    decode_predictions,
    decode_protected,
    labels_key,
    pairs_key,
    predictions_key,
    protected_key,
    unpack,
)
from understudy.contracts.policy import Policy
from understudy.contracts.vocabulary import Durability
from understudy.inference.rows import Rows
from understudy.inference.scored import Scored
from understudy.launch.redis_server import find_redis_server, redis_command
from understudy.runtime.loops import Backoff, cancel

pytestmark = pytest.mark.anyio

FIRST = Live(1, loaded(1), challengers=(2,))
SECOND = Live(2, loaded(2), challengers=())
RELAXED = Live(3, loaded(3), challengers=(), policy=Policy(durability=Durability.RELAXED))


def answered(name: str, live: Live = FIRST, rows: int = 1) -> Answered:
    ids = [f"{name}.{index}" for index in range(rows)]
    numbers = np.arange(2.0 * rows).reshape(rows, 2)
    scored = Scored(np.ones(rows), np.tile([0.25, 0.75], (rows, 1)))
    return Answered("flowers", live, ids, time.time(), 0.001, Rows(numbers, ()), scored)


BOUNDS = LogBounds(
    buffer_rows=1_000,
    buffer_bytes=100_000_000,
    relaxed_rows=100,
    spool_bytes=10_000_000,
    relaxed_seconds=0.01,
    spool_after_seconds=0.25,
    wait_seconds=1.0,
)


class Writer:
    """An event log under test, with its numbers."""

    def __init__(self, url: str, folder: Path, bounds: LogBounds) -> None:
        self.numbers = CollectorRegistry()
        self.line = RedisLine(url, 0.5, Backoff(0.01, 0.05))
        self.log = EventLog(self.line, folder, LogMetrics(self.numbers), bounds)
        self.running = asyncio.create_task(self.log.run())

    async def keep(self, *records: Answered) -> list[bool]:
        """Take all in at once; whether each is safe. Those that need no wait count as safe."""
        waiting = [self.log.predictions(record) for record in records]
        return [safe is None or await safe for safe in waiting]

    def number(self, name: str, **labels: str) -> float:
        return self.numbers.get_sample_value(f"understudy_log_{name}", labels) or 0.0

    def rows(self, state: str) -> float:
        return self.number("rows_total", deployment="flowers", state=state)

    @property
    def in_redis(self) -> float:
        return self.rows("logged") + self.rows("replayed")

    async def close(self) -> None:
        await cancel([self.running])
        await self.log.drain(1.0)
        await self.line.aclose()


@pytest.fixture
async def writer_for(tmp_path: Path) -> AsyncIterator[Callable[..., Writer]]:
    writers: list[Writer] = []

    def make(url: str, folder: Path = tmp_path / "spool", **bounds: float) -> Writer:
        writers.append(Writer(url, folder, replace(BOUNDS, **bounds)))  # type: ignore[arg-type]
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
def running(command: Sequence[str], end: signal.Signals = signal.SIGTERM) -> Iterator[None]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        yield
        server.send_signal(end)


async def test_a_reply_comes_when_its_rows_are_in_the_log(
    redis_url: str, writer_for: Callable[..., Writer]
) -> None:
    writer = writer_for(redis_url)
    assert await writer.keep(answered("a", rows=3)) == [True]
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
    calls = [answered(str(i), live, rows=i + 1) for i, live in enumerate(lives)]
    calls[2] = replace(calls[2], overrides={"2.1": "setosa"}, at=5.0, seconds=2.0)
    await writer.keep(*calls)
    first, second = batches(redis_url)
    assert first.ids == ["0.0", "2.0", "2.1", "2.2"]
    assert second.ids == ["1.0", "1.1", "3.0", "3.1", "3.2", "3.3"]
    assert first.overrides == {"2.1": "setosa"}
    assert unpack(first.at).tolist() == [calls[0].at, 5.0, 5.0, 5.0]
    assert unpack(first.seconds).tolist() == [0.001, 2.0, 2.0, 2.0]
    assert isinstance(first.columns[0], NumberColumn)
    assert unpack(first.columns[0].data).tolist() == [0.0, 0.0, 2.0, 4.0]


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
        writer.keep(answered("a")),
        writer.log.labels("flowers", [event]),
        writer.keep(answered("b")),
    )
    assert [*kept] == [[True], False, [True]]
    assert logged_ids(redis_url) == ["a.0", "b.0"]


async def test_relaxed_replies_go_ahead_of_their_rows_up_to_a_bound(
    redis_url: str, writer_for: Callable[..., Writer]
) -> None:
    writer = writer_for(redis_url, relaxed_rows=10)
    waiting = [writer.log.predictions(answered(str(i), RELAXED, rows=4)) for i in range(3)]
    assert [safe is None for safe in waiting] == [True, True, False]
    assert waiting[2] is not None
    assert await waiting[2]
    assert len(logged_ids(redis_url)) == 12
    assert writer.log.predictions(answered("later", RELAXED, rows=4)) is None
    await until(lambda: writer.rows("logged") == 16)


async def test_a_flush_whose_reply_was_lost_is_not_applied_twice(
    redis_url: str, proxy: LossyProxy, writer_for: Callable[..., Writer]
) -> None:
    writer = writer_for(f"redis://127.0.0.1:{proxy.port}/0")
    await writer.keep(answered("before"))
    proxy.swallow_replies = 2
    assert await writer.keep(answered("lost")) == [True]
    assert await writer.keep(answered("after")) == [True]
    await until(lambda: writer.in_redis == 3)
    assert logged_ids(redis_url) == ["before.0", "lost.0", "after.0"]
    assert writer.number("flush_failures_total") == 1
    assert writer.rows("spooled") == writer.rows("replayed")


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
        assert await writer.keep(answered(str(index))) == [True]
        await asyncio.sleep(0.001)
    proxy.swallow_replies = 0
    await until(lambda: writer.in_redis == 200)
    assert logged_ids(redis_url) == [f"{index}.0" for index in range(200)]
    await until(lambda: not writer.log.state.degraded)


async def test_rows_are_safe_on_disk_while_redis_is_gone_and_follow(
    tmp_path: Path, writer_for: Callable[..., Writer]
) -> None:
    port = free_port()
    command = redis_command(find_redis_server(), port=port, folder=tmp_path)
    url = f"redis://127.0.0.1:{port}/0"
    writer = writer_for(url)
    for index in range(60):
        assert await writer.keep(answered(str(index))) == [True]
    assert writer.number("degraded") == 1
    assert writer.number("spool_rows") == writer.rows("spooled") == 60
    assert writer.number("spool_bytes") > 60 * 100
    assert (writer.log.state.degraded, writer.log.state.spooled_rows) == (True, 60)
    with running(command):
        await until(lambda: writer.rows("replayed") == 60)
        assert logged_ids(url) == [f"{index}.0" for index in range(60)]
        await until(lambda: writer.number("spool_segments") == 0)
        assert (writer.number("degraded"), writer.number("spool_rows")) == (0, 0)
        assert await writer.keep(answered("later")) == [True]
        assert logged_ids(url)[-1] == "later.0"
        assert writer.rows("logged") == 1
        await writer.close()
    assert [*(tmp_path / "spool").iterdir()] == []


async def test_a_redis_that_is_killed_again_and_again_loses_nothing(
    tmp_path: Path, writer_for: Callable[..., Writer]
) -> None:
    port = free_port()
    command = redis_command(find_redis_server(), port=port, folder=tmp_path)
    url = f"redis://127.0.0.1:{port}/0"
    writer = writer_for(url)
    sent: list[str] = []
    for _ in range(3):
        with running(command, signal.SIGKILL):
            for _ in range(100):
                sent.append(f"{len(sent)}.0")
                assert await writer.keep(answered(str(len(sent) - 1))) == [True]
        sent.append(f"{len(sent)}.0")
        assert await writer.keep(answered(str(len(sent) - 1))) == [True]
    with running(command):
        await until(lambda: writer.in_redis == len(sent))
        assert logged_ids(url) == sent


async def test_rows_that_redis_takes_too_long_for_go_to_disk(
    redis_url: str, writer_for: Callable[..., Writer]
) -> None:
    writer = writer_for(redis_url, spool_after_seconds=0.05)
    with redis.Redis.from_url(redis_url) as client:
        client.execute_command("CLIENT", "PAUSE", "400", "ALL")
        assert await writer.keep(answered("slow")) == [True]
        assert writer.rows("spooled") == 1
    await until(lambda: writer.rows("replayed") == 1)
    await until(lambda: writer.number("degraded") == 0)
    assert logged_ids(redis_url) == ["slow.0"]


async def test_rows_that_neither_redis_nor_the_disk_takes_are_refused(
    tmp_path: Path, writer_for: Callable[..., Writer]
) -> None:
    (tmp_path / "file").touch()
    url = f"redis://127.0.0.1:{free_port()}/0"
    writer = writer_for(url, tmp_path / "file", wait_seconds=0.1)
    assert writer.log.predictions(answered("relaxed", RELAXED, rows=3)) is None
    assert await writer.keep(answered("strict", rows=2)) == [False]
    assert writer.rows("dropped") == 5
    assert await writer.keep(answered("relaxed", RELAXED)) == [False]
    assert writer.log.state.degraded
    assert writer.number("buffered_rows") == 0


async def test_a_full_spool_refuses_and_takes_rows_again_when_it_is_drained(
    tmp_path: Path, writer_for: Callable[..., Writer]
) -> None:
    port = free_port()
    command = redis_command(find_redis_server(), port=port, folder=tmp_path)
    url = f"redis://127.0.0.1:{port}/0"
    writer = writer_for(url, spool_bytes=10_000)
    safe = [(await writer.keep(answered(str(index))))[0] for index in range(60)]
    kept = [f"{index}.0" for index in range(60) if safe[index]]
    assert 10 < len(kept) < 60
    assert kept == [f"{index}.0" for index in range(len(kept))]
    assert writer.rows("dropped") == 60 - len(kept)
    with running(command):
        await until(lambda: writer.rows("replayed") == len(kept))
        await until(lambda: writer.number("spool_bytes") == 0)
        assert await writer.keep(answered("later")) == [True]
        assert logged_ids(url) == [*kept, "later.0"]


async def test_a_redis_that_is_full_is_like_one_that_is_gone(
    redis_url: str, writer_for: Callable[..., Writer]
) -> None:
    writer = writer_for(redis_url)
    with redis.Redis.from_url(redis_url) as client:
        client.config_set("maxmemory", 1)
        try:
            assert await writer.keep(answered("full")) == [True]
            assert writer.number("degraded") == 1
        finally:
            client.config_set("maxmemory", 0)
    await until(lambda: writer.rows("replayed") == 1)
    assert logged_ids(redis_url) == ["full.0"]


async def test_a_deployment_without_traffic_is_not_degraded_for_ever(
    tmp_path: Path, writer_for: Callable[..., Writer]
) -> None:
    port = free_port()
    command = redis_command(find_redis_server(), port=port, folder=tmp_path)
    writer = writer_for(f"redis://127.0.0.1:{port}/0", spool_bytes=0, wait_seconds=0.1)
    assert await writer.keep(answered("lost")) == [False]
    assert writer.log.state.degraded
    with running(command):
        other = replace(answered("b"), deployment="weeds")
        async with asyncio.timeout(10.0):
            while not (await writer.keep(other))[0]:
                pass  # Redis takes a moment to begin
        assert not writer.log.state.degraded
        assert writer.number("degraded") == 0


async def test_a_stream_that_is_none_refuses_its_rows_and_holds_up_no_other(
    redis_url: str, writer_for: Callable[..., Writer]
) -> None:
    writer = writer_for(redis_url)
    with redis.Redis.from_url(redis_url) as client:
        client.set(predictions_key("flowers"), "no stream")
    other = replace(answered("b"), deployment="weeds")
    assert await writer.keep(answered("a"), other) == [False, True]
    assert writer.rows("dropped") == 1


async def test_a_script_that_redis_forgot_is_sent_again(
    redis_url: str, writer_for: Callable[..., Writer]
) -> None:
    writer = writer_for(redis_url)
    with redis.Redis.from_url(redis_url) as client:
        for name in ("a", "b"):
            client.script_flush()
            assert await writer.keep(answered(name)) == [True]
    assert writer.rows("logged") == 2


async def test_what_can_not_be_made_safe_before_the_end_is_counted(
    tmp_path: Path, writer_for: Callable[..., Writer]
) -> None:
    (tmp_path / "file").touch()
    writer = writer_for(f"redis://127.0.0.1:{free_port()}/0", tmp_path / "file")
    writer.log.predictions(answered("a", rows=4))
    await writer.log.drain(0.1)
    assert writer.rows("dropped") == 4
    assert writer.number("buffered_rows") == 0


async def test_a_great_backlog_is_written_in_bounded_entries(
    redis_url: str, writer_for: Callable[..., Writer]
) -> None:
    writer = writer_for(redis_url, buffer_rows=20_000)
    await writer.keep(*(answered(str(i), rows=1_000) for i in range(12)))
    assert [len(batch.ids) for batch in batches(redis_url)] == [5_000, 5_000, 2_000]


def test_the_size_of_a_record_is_about_that_of_its_entry() -> None:
    texts = ["x" * 500, None] * 500
    record = replace(answered("a", rows=1_000), rows=Rows(np.zeros((1_000, 2)), (texts,)))
    encoded = 500 * 500 + 1_000 * 50
    assert encoded < size_of(record) < 2 * encoded
    labels = [LabelEvent(prediction_id="a", label="é" * 500, received_at=1.0)] * 100
    assert 50_000 < size_of(Labelled("d", labels)) < 200_000


async def test_protected_attributes_are_in_a_stream_of_their_own(
    writer_for: Callable[..., Writer], redis_url: str
) -> None:
    writer = writer_for(redis_url)
    later = ProtectedEvent(prediction_id="z", attributes={"sex": "m"}, received_at=2.0)
    event = ProtectedEvent(prediction_id="a.0", attributes={"sex": "f"}, received_at=1.0)
    record = answered("a")
    record.protected = [event]
    assert await writer.keep(record, answered("b")) == [True, True]
    assert await writer.log.protected("flowers", [later])
    with redis.Redis.from_url(redis_url) as client:
        told = [decode_protected(fields) for fields in entries(client, protected_key("flowers"))]
    assert [item for entry in told for item in entry.items] == [event, later]
    (batch,) = batches(redis_url)
    assert batch.ids == ["a.0", "b.0"]
    assert "sex" not in str(batch)
    assert writer.rows("logged") == 4


async def test_rows_that_failed_are_in_one_entry_with_those_that_did_not(
    writer_for: Callable[..., Writer], redis_url: str
) -> None:
    writer = writer_for(redis_url)
    failed = answered("b")
    failed.scored = Scored(np.full(1, np.nan))
    assert await writer.keep(answered("a"), failed, answered("c")) == [True] * 3
    (batch,) = batches(redis_url)
    assert np.isnan(unpack(batch.scores.values)).tolist() == [False, True, False]
    likely = unpack(batch.scores.probabilities, 2)
    assert np.isnan(likely).all(axis=1).tolist() == [False, True, False]
    assert likely[2].tolist() == [0.25, 0.75]


async def test_predictions_made_elsewhere_are_entries_by_version_and_debt(
    writer_for: Callable[..., Writer], redis_url: str
) -> None:
    writer, likely = writer_for(redis_url), (0.25, 0.75)
    sure, failed = Said(1.0, likely, 0.5), Said(np.nan, None, np.nan)
    rows = [
        ToldRow("a", 1.0, 1, (2,), (1.0, 2.0), sure),
        ToldRow("b", 2.0, 1, (2,), (3.0, None), sure),
        ToldRow("c", 3.0, 1, (), (5.0, 6.0), failed),
    ]
    pairs = [
        ToldPair("c", 3.0, 1, failed, 2, sure),
        ToldPair("d", 4.0, 1, failed, 2, Said(0.0, likely, np.nan)),
        ToldPair("e", 5.0, 1, failed, 2, failed, "gone"),
    ]
    assert await writer.log.elsewhere("flowers", FIRST, rows, pairs)
    together, alone = batches(redis_url)
    assert (together.ids, together.challengers, together.elsewhere) == (["a", "b"], (2,), True)
    numbers = [column.data for column in together.columns if isinstance(column, NumberColumn)]
    assert unpack(numbers[0]).tolist() == [1.0, 3.0]
    assert np.isnan(unpack(numbers[1])[1])
    assert unpack(together.scores.probabilities, 2).tolist() == [[0.25, 0.75]] * 2
    assert (alone.ids, alone.challengers, alone.scores.probabilities) == (["c"], (), b"")
    assert np.isnan(unpack(alone.scores.values)).all()
    with redis.Redis.from_url(redis_url) as client:
        found = [decode_pairs(fields) for fields in entries(client, pairs_key("flowers"))]
    assert [(one.ids, one.outcomes, one.error) for one in found] == [
        (["c", "d"], ["ok", "ok"], None),
        (["e"], ["error"], "gone"),
    ]
    assert np.isnan(unpack(found[0].challenger_seconds)).tolist() == [False, True]
    assert writer.rows("logged") == 6
