"""Every command ends: within its time, or at once when it is cancelled; connections stay usable."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from understudy.runtime.loops import cancel
from understudy.runtime.redis_client import redis_client

pytestmark = pytest.mark.anyio


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Redis]:
    client = redis_client(redis_url, 0.2, 2)
    yield client
    await client.aclose()


async def test_a_paused_server_holds_nothing_up_and_mixes_nothing_up(client: Redis) -> None:
    await client.mset({"one": "1", "two": "2"})
    await client.client_pause(600)
    with pytest.raises(TimeoutError):
        await client.get("one")
    with pytest.raises(TimeoutError):
        await _both(client)
    await asyncio.sleep(0.6)
    assert await client.get("two") == b"2"
    assert await _both(client) == [b"1", b"2"]


async def test_a_server_that_never_answers_is_given_up() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = redis_client(f"redis://127.0.0.1:{port}/0", 0.1, 2)
    async with server, asyncio.timeout(5.0):
        for question in (client.ping, lambda: _both(client)):
            with pytest.raises(TimeoutError):
                await question()
        await client.aclose()


async def test_cancellations_at_any_moment_are_heard(client: Redis) -> None:
    async def ask() -> None:
        while True:
            await client.get("one")

    for turns in range(60):
        asking = asyncio.create_task(ask())
        for _ in range(turns):
            await asyncio.sleep(0)
        asking.cancel()
        done, _ = await asyncio.wait([asking], timeout=0.5)
        await cancel([asking])
        assert done, f"lost after {turns} turns of the loop"


async def _both(client: Redis) -> object:
    async with client.pipeline(transaction=True) as pipe:
        pipe.get("one")
        pipe.get("two")
        return await pipe.execute()
