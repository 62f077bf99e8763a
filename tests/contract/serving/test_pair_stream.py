"""The pair stream as one who waits for an answer reads it: one suite for memory and Redis."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import redis

from services.serving.adapters.pair_stream import PairStream
from services.serving.adapters.redis_line import RedisLine
from services.serving.ports import Pairs
from tests.conftest import free_port
from tests.fakes.pairs import ListPairs, pairs_of
from understudy.contracts.events import FIELD_SCHEMA, PairBatch, encode, pairs_key

pytestmark = pytest.mark.anyio

Append = Callable[[PairBatch | None], Any]


@pytest.fixture(params=["memory", "redis"])
async def stream(
    request: pytest.FixtureRequest, redis_url: str
) -> AsyncIterator[tuple[Pairs, Append]]:
    if request.param == "memory":
        pairs = ListPairs()
        yield pairs, pairs.entries.append
        return
    line = RedisLine(redis_url, 2.0)
    with redis.Redis.from_url(redis_url) as client:

        def append(pairs: PairBatch | None) -> None:
            fields: Any = {FIELD_SCHEMA: b"99"} if pairs is None else encode(pairs)
            client.xadd(pairs_key("flowers"), fields)

        yield PairStream(line), append
    await line.aclose()


async def test_what_comes_after_a_mark_is_read_once_and_in_order(
    stream: tuple[Pairs, Append],
) -> None:
    pairs, append = stream
    first, second, third = (pairs_of([name], [1.0], [0.25, 0.75]) for name in "abc")
    append(first)
    mark = await pairs.latest("flowers")
    assert await pairs.since("flowers", mark) == []
    append(second)
    append(third)
    found = await pairs.since("flowers", mark)
    assert [entry for _, entry in found] == [second, third]
    assert await pairs.since("flowers", found[-1][0]) == []
    assert [entry for _, entry in await pairs.since("flowers", found[0][0])] == [third]


async def test_a_stream_that_is_not_there_yet_is_empty(stream: tuple[Pairs, Append]) -> None:
    pairs, append = stream
    mark = await pairs.latest("flowers")
    assert await pairs.since("flowers", mark) == []
    append(pairs_of(["a"], [1.0]))
    assert len(await pairs.since("flowers", mark)) == 1


async def test_what_a_newer_process_wrote_is_passed_over(stream: tuple[Pairs, Append]) -> None:
    pairs, append = stream
    mark = await pairs.latest("flowers")
    append(None)
    append(pairs_of(["a"], [1.0]))
    assert [entry is None for _, entry in await pairs.since("flowers", mark)] == [True, False]


async def test_without_redis_it_is_an_os_error(redis_url: str) -> None:
    line = RedisLine(f"redis://127.0.0.1:{free_port()}/0", 1.0)
    with pytest.raises(OSError, match="Redis"):
        await PairStream(line).latest("flowers")
    await line.aclose()
    line = RedisLine(redis_url, 1.0)
    with redis.Redis.from_url(redis_url) as client:
        client.set(pairs_key("flowers"), "no stream")
    with pytest.raises(OSError, match="WRONGTYPE"):
        await PairStream(line).latest("flowers")
    await line.aclose()
