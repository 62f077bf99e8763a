"""The log's own connection: replies in order, deadlines, and a new connection when one broke."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
import redis

from services.serving.adapters.redis_line import RedisLine, ReplyError
from tests.conftest import free_port
from tests.fakes.serving import LossyProxy
from understudy.runtime.loops import Backoff

pytestmark = pytest.mark.anyio

AT_ONCE = Backoff(0.0, 0.0)


@pytest.fixture
async def line(redis_url: str) -> AsyncIterator[RedisLine]:
    line = RedisLine(redis_url, 5.0)
    yield line
    await line.aclose()


async def test_commands_that_are_sent_together_have_each_their_reply(line: RedisLine) -> None:
    replies = [line.call("INCRBY", "sum", number) for number in range(1, 101)]
    sums = [number * (number + 1) // 2 for number in range(1, 101)]
    assert await asyncio.gather(*replies) == sums


async def test_an_error_is_the_reply_to_one_command_alone(line: RedisLine) -> None:
    await line.call("SET", "text", b"\xff")
    wrong, right = line.call("INCR", "text"), line.call("GET", "text")
    with pytest.raises(ReplyError, match=r"^ERR value is not an integer"):
        await wrong
    assert await right == b"\xff"


async def test_nobody_need_wait_for_a_reply(line: RedisLine) -> None:
    await line.call("PING")
    forgotten = line.call("SET", "b", 2)
    forgotten.cancel()
    assert await line.call("GET", "b") == b"2"


async def test_user_password_and_database_come_from_the_url(redis_url: str) -> None:
    address = urlsplit(redis_url)
    with redis.Redis.from_url(redis_url) as client:
        client.acl_setuser(
            "writer", enabled=True, passwords=["+secret"], keys=["*"], commands=["+@all"]
        )
        line = RedisLine(f"redis://writer:secret@{address.hostname}:{address.port}/3", 2.0)
        assert await line.call("ACL", "WHOAMI") == b"writer"
        await line.call("SET", "there", 1)
        assert client.exists("there") == 0
        wrong = RedisLine(f"redis://writer:guess@{address.hostname}:{address.port}/3", 2.0)
        with pytest.raises(ConnectionError):
            await wrong.call("PING")
        client.acl_deluser("writer")
    await line.aclose()
    await wrong.aclose()


async def test_a_redis_that_does_not_answer_in_time_is_hung_up_on(redis_url: str) -> None:
    line = RedisLine(redis_url, 0.1, AT_ONCE)
    await line.call("PING")
    with redis.Redis.from_url(redis_url) as client:
        client.execute_command("CLIENT", "PAUSE", "300", "ALL")
        with pytest.raises(TimeoutError):
            await line.call("PING")
        client.ping()
    assert await line.call("PING") == b"PONG"
    await line.aclose()


async def test_a_lost_connection_fails_what_waits_and_is_made_anew(redis_url: str) -> None:
    proxy = LossyProxy(urlsplit(redis_url).port or 0)
    await proxy.start()
    line = RedisLine(f"redis://127.0.0.1:{proxy.port}/0", 2.0, AT_ONCE)
    await line.call("PING")
    waiting = line.call("BLPOP", "never", 0)
    await proxy.stop()
    with pytest.raises(ConnectionError):
        await waiting
    await proxy.start()
    assert await line.call("PING") == b"PONG"
    await line.aclose()
    await proxy.stop()


async def test_who_is_refused_does_not_ask_again_at_once() -> None:
    line = RedisLine(f"redis://127.0.0.1:{free_port()}/0", 2.0, Backoff(60.0, 60.0))
    with pytest.raises(ConnectionError, match="no connection"):
        await line.call("PING")
    with pytest.raises(ConnectionError, match="a moment ago"):
        await line.call("PING")
    await line.aclose()
