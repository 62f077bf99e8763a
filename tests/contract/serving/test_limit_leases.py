"""The buckets of limited keys: the same suite for Redis and for the domain's rules in memory."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.serving.adapters.limiter import RedisLeases, bucket_key, read_grant, words_of
from services.serving.adapters.limiter_scripts import RULES
from services.serving.adapters.redis_line import RedisLine
from services.serving.domain.limits import (
    LEASE_SECONDS,
    SHARER_SECONDS,
    Ask,
    Counted,
    Grant,
    Terms,
    exchanged,
)
from services.serving.ports import Leases, LeasesUnavailableError
from tests.fakes.leases import InMemoryLeases
from understudy.contracts.vocabulary import KeyId

pytestmark = pytest.mark.anyio

USERS = Path(__file__).parents[3] / "deploy/compose/users.acl"
KEY = KeyId("abcdef123456")
SLOW = Terms(Counted.REQUESTS, size=20, rate=1e-6)
"""Nothing comes back while a test runs."""
FAST = Terms(Counted.REQUESTS, size=20, rate=1e6)
QUOTA = Terms(Counted.PREDICTIONS, size=100)


@pytest.fixture(params=["memory", "redis"])
async def leases(request: pytest.FixtureRequest, redis_url: str) -> AsyncIterator[Leases]:
    if request.param == "memory":
        yield InMemoryLeases()
        return
    line = RedisLine(redis_url, 2.0)
    yield RedisLeases(line)
    await line.aclose()


def one(holder: str = "a", **more: int) -> Ask:
    return Ask(holder, **{"need": 1, "least": 1, **more})


async def test_a_bucket_begins_full_and_no_token_is_given_twice(leases: Leases) -> None:
    grants = [await leases.exchange(KEY, SLOW, one(held=held)) for held in range(21)]
    assert [grant.tokens for grant in grants] == [*[1] * 20, 0]
    assert grants[-1].left == pytest.approx(0.0, abs=1e-3)


async def test_workers_that_ask_at_once_get_no_more_than_there_is(leases: Leases) -> None:
    asks = [one(f"worker-{number}", need=3) for number in range(10)]
    grants = await asyncio.gather(*(leases.exchange(KEY, SLOW, ask) for ask in asks))
    assert sum(grant.tokens for grant in grants) == 20
    assert max(grant.sharers for grant in grants) == 10


async def test_of_what_nobody_waits_for_only_a_part_is_taken(leases: Leases) -> None:
    grant = await leases.exchange(KEY, SLOW, Ask("a", ahead=100))
    assert grant.tokens == 5
    grant = await leases.exchange(KEY, SLOW, Ask("b", ahead=2))
    assert grant.tokens == 2


async def test_what_is_given_back_is_there_again(leases: Leases) -> None:
    await leases.exchange(KEY, SLOW, one(need=20))
    grant = await leases.exchange(KEY, SLOW, Ask("a", back=5))
    assert grant.left == pytest.approx(5.0, abs=1e-3)


async def test_tokens_come_back_but_not_those_that_are_leased(leases: Leases) -> None:
    first = await leases.exchange(KEY, FAST, Ask("a", ahead=20))
    await asyncio.sleep(0.001)
    again = await leases.exchange(KEY, FAST, Ask("a", held=first.tokens))
    assert again.left == 15.0
    other = await leases.exchange(KEY, FAST, one("b", need=20))
    assert other.tokens == 15
    await asyncio.sleep(0.001)
    assert (await leases.exchange(KEY, FAST, Ask("b"))).left == 15.0


async def test_of_a_request_that_does_not_fit_nothing_is_taken(leases: Leases) -> None:
    await leases.exchange(KEY, QUOTA, one(need=95))
    refused = await leases.exchange(KEY, QUOTA, one("b", need=6, least=6))
    assert (refused.tokens, refused.left) == (0, 5)
    fits = await leases.exchange(KEY, QUOTA, one("b", need=5, least=5))
    assert (fits.tokens, fits.left) == (5, 0)
    assert 0 < fits.ends <= 86_400


async def test_debts_are_paid_before_anything_is_given(leases: Leases) -> None:
    grant = await leases.exchange(KEY, SLOW, one(need=20, owed=25))
    assert grant.tokens == 0
    assert grant.left == pytest.approx(-5.0, abs=1e-3)


async def test_leases_of_another_day_are_over(leases: Leases) -> None:
    found = await leases.exchange(KEY, QUOTA, one(need=10))
    back = await leases.exchange(KEY, QUOTA, Ask("a", back=10, day=found.day - 1))
    assert back.left == 90
    back = await leases.exchange(KEY, QUOTA, Ask("a", back=10, day=found.day))
    assert back.left == 100


async def test_keys_and_what_is_counted_do_not_meet(leases: Leases) -> None:
    await leases.exchange(KEY, SLOW, one(need=20))
    assert (await leases.exchange(KEY, QUOTA, one())).tokens == 1
    assert (await leases.exchange(KeyId("another00000"), SLOW, one())).tokens == 1


async def test_limits_that_are_raised_hold_at_once(leases: Leases) -> None:
    await leases.exchange(KEY, QUOTA, one(need=100))
    more = Terms(Counted.PREDICTIONS, size=150)
    assert (await leases.exchange(KEY, more, one(need=60))).tokens == 50


async def test_redis_that_is_gone_is_told_apart(free_tcp_port: int) -> None:
    line = RedisLine(f"redis://127.0.0.1:{free_tcp_port}/0", 0.5)
    with pytest.raises(LeasesUnavailableError):
        await RedisLeases(line).exchange(KEY, SLOW, one())
    await line.aclose()


async def test_what_else_is_in_the_way_is_told_apart(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.set(bucket_key(KEY, Counted.REQUESTS), "something else")
    line = RedisLine(redis_url, 2.0)
    with pytest.raises(LeasesUnavailableError):
        await RedisLeases(line).exchange(KEY, SLOW, one())
    await line.aclose()


async def test_buckets_of_keys_that_ask_no_more_go_away(redis_url: str) -> None:
    line = RedisLine(redis_url, 2.0)
    await RedisLeases(line).exchange(KEY, FAST, one())
    await line.aclose()
    with redis.Redis.from_url(redis_url) as client:
        kept = client.pttl(bucket_key(KEY, Counted.REQUESTS))
    assert 0 < kept <= 1_000 * (SHARER_SECONDS + LEASE_SECONDS)


NOON = 20_000 * 86_400 + 43_200.0
ASKS = st.builds(
    Ask,
    st.sampled_from("abc"),
    held=st.integers(0, 12),
    need=st.integers(0, 12),
    least=st.integers(0, 5),
    ahead=st.integers(0, 30),
    back=st.integers(0, 12),
    owed=st.integers(0, 40).map(lambda quarters: quarters / 4),
    day=st.sampled_from([0, 20_000, 20_001]),
)
STEPS = st.lists(
    st.tuples(ASKS, st.sampled_from([0.0, 0.015625, 0.5, 3.0, 61.0, -1.0, 43_200.0, 86_400.0])),
    min_size=1,
    max_size=12,
)
TERMS = st.sampled_from(
    [
        Terms(Counted.REQUESTS, 20, 20.0),
        Terms(Counted.REQUESTS, 1, 0.125),
        Terms(Counted.REQUESTS, 5, 1000.0),
        QUOTA,
    ]
)


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(TERMS, STEPS)
def test_the_script_does_what_the_domain_says(
    redis_url: str, terms: Terms, steps: list[tuple[Ask, float]]
) -> None:
    script, bucket, now = "local now = tonumber(ARGV[14])\n" + RULES, None, NOON
    with redis.Redis.from_url(redis_url) as client:
        client.delete("bucket")
        for ask, seconds in steps:
            now += seconds
            bucket, expected = exchanged(bucket, terms, ask, now)
            words = [*words_of(terms, ask), repr(now)]
            found = read_grant(client.eval(script, 1, "bucket", *words))
            assert _rounded(found) == _rounded(expected)
            assert _leases_of(client.hgetall("bucket")) == {
                holder: (lease.tokens, pytest.approx(lease.until, abs=1e-5))
                for holder, lease in bucket.leases.items()
            }


def _leases_of(kept: Mapping[bytes, bytes]) -> dict[str, tuple[object, ...]]:
    found: dict[str, tuple[object, ...]] = {}
    for name, value in kept.items():
        if name.startswith(b"holder:"):
            tokens, _, until = value.partition(b":")
            found[name.removeprefix(b"holder:").decode()] = (int(tokens), float(until))
    return found


def _rounded(grant: Grant) -> tuple[object, ...]:
    return (
        grant.tokens,
        pytest.approx(grant.left, abs=1e-6),
        grant.sharers,
        grant.day,
        pytest.approx(grant.ends, abs=1e-5),
    )


async def test_the_user_of_serving_may_do_what_the_script_does(redis_url: str) -> None:
    # Redis before 7 has one set of rules for a user, so that those of other keys are left out.
    text = USERS.read_text()
    plain = re.search(r"user serving on #\$serving (.+)", text)
    rights = re.search(r"\((.*understudy:limits.*)\)", text)
    assert plain
    assert rights
    rules = f"{plain[1]} {rights[1]}".split()
    with redis.Redis.from_url(redis_url) as client:
        client.execute_command("ACL", "SETUSER", "serving", "reset", "on", ">secret", *rules)
        try:
            address = redis_url.replace("//", "//serving:secret@")
            redis_line = RedisLine(address, 2.0)
            leases = RedisLeases(redis_line)
            await leases.exchange(KEY, SLOW, one("gone"))
            # What a later day does to those who shared before.
            place = bucket_key(KEY, Counted.REQUESTS)
            client.hset(place, mapping={"holder:old": "1:1.0", "holder:ahead": "1:1e11"})
            assert (await leases.exchange(KEY, SLOW, one())).sharers == 3
            await redis_line.aclose()
        finally:
            client.execute_command("ACL", "DELUSER", "serving")
