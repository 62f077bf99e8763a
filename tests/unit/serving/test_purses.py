"""Tokens that a worker holds: spent at once, fetched ahead, waited for, or its own share."""

import asyncio
from dataclasses import dataclass, field

import pytest
from prometheus_client import CollectorRegistry

from services.serving.domain.limited import QuotaExceededError, QuotaTooSmallError, RateLimitedError
from services.serving.domain.limits import DAY_SECONDS, LEASE_SECONDS, Ask, Counted, Terms
from services.serving.metrics.limits import LimitMetrics
from services.serving.operations.limiting import counted
from services.serving.operations.purses import AWAY_SECONDS, Holder, Purse
from tests.fakes.leases import InMemoryLeases
from understudy.contracts.refusals import Refusal
from understudy.contracts.vocabulary import KeyId

pytestmark = pytest.mark.anyio

KEY = KeyId("abcdef123456")
NOON = 20_000.5 * DAY_SECONDS
PER_SECOND = Terms(Counted.REQUESTS, 20, 20.0)
PLENTY = Terms(Counted.REQUESTS, 100_000, 100_000.0)
PER_DAY = Terms(Counted.PREDICTIONS, 100)


@dataclass
class Bench:
    """Workers beside one store, and the clock of all."""

    now: float = NOON
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        self.leases = InMemoryLeases(lambda: self.now)
        self.metrics = LimitMetrics(self.registry)

    def purse(self, terms: Terms, name: str = "a", workers: int = 2) -> Purse:
        holder = Holder(name, workers, self.leases, self.metrics)
        return Purse(KEY, terms, holder, lambda: self.now, lambda: self.now)

    def alone(self, result: str, terms: Terms = PER_SECOND) -> float | None:
        labels = {"counted": terms.counted, "result": result}
        return self.registry.get_sample_value("understudy_limit_alone_total", labels)


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def admitted(purse: Purse, tokens: int = 1) -> bool:
    try:
        await counted(purse.take(tokens))
    except Refusal:
        return False
    return True


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_is_leased_is_spent_without_a_word(bench: Bench) -> None:
    purse = bench.purse(PLENTY)
    for _ in range(200):
        bench.now += 0.001
        await counted(purse.take())
        await settle()
    asked = len(bench.leases.asked)
    waits = 0
    for _ in range(1_000):
        bench.now += 0.001
        waits += purse.take() is not None
        await settle()
    assert waits == 0
    assert len(bench.leases.asked) - asked <= 10


async def test_no_more_is_admitted_than_the_limit_and_not_much_less(bench: Bench) -> None:
    purses = [bench.purse(PER_SECOND, name) for name in "abc"]
    let_in = 0
    for step in range(1_000):
        bench.now += 0.01
        let_in += sum(await asyncio.gather(*(admitted(purse) for purse in purses)))
        assert let_in <= 20 + 20 * 0.01 * (step + 1)
    assert let_in >= 0.95 * (20 + 20 * 10)


async def test_refusals_say_when_to_come_again(bench: Bench) -> None:
    purse = bench.purse(Terms(Counted.REQUESTS, 2, 0.1))
    assert [await admitted(purse) for _ in range(3)] == [True, True, False]
    with pytest.raises(RateLimitedError) as refused:
        await counted(purse.take())
    assert refused.value.retry_after == 10
    left, wait = purse.left()
    assert (left, round(wait, 3)) == (0.0, 10.0)


async def test_a_key_that_hammers_is_refused_without_asking_each_time(bench: Bench) -> None:
    purse = bench.purse(Terms(Counted.REQUESTS, 1, 0.1))
    for _ in range(1_000):
        await admitted(purse)
    assert len(bench.leases.asked) < 10


async def test_a_batch_that_does_not_fit_is_refused_whole(bench: Bench) -> None:
    a, b = bench.purse(PER_DAY, "a"), bench.purse(PER_DAY, "b")
    assert await admitted(a, 60)
    assert not await admitted(b, 41)
    assert await admitted(b, 40)
    with pytest.raises(QuotaExceededError) as refused:
        await counted(b.take(1))
    assert refused.value.retry_after == DAY_SECONDS / 2
    bench.now += DAY_SECONDS / 2
    assert await admitted(b, 100)


async def test_a_quota_is_met_to_the_row_by_many_at_once(bench: Bench) -> None:
    purses = [bench.purse(PER_DAY, name) for name in "abcd"]
    rows = 0
    for _ in range(40):
        results = await asyncio.gather(*(admitted(purse, 7) for purse in purses for _ in range(5)))
        rows += 7 * sum(results)
        results = await asyncio.gather(*(admitted(purse) for purse in purses))
        rows += sum(results)
        bench.now += 0.5
        for purse in purses:
            purse.tend()
        await settle()
    assert rows == 100


@pytest.mark.parametrize("seconds", [0.0, LEASE_SECONDS + 1], ids=["at once", "later"])
async def test_what_was_spent_on_nothing_may_be_spent_again(bench: Bench, seconds: float) -> None:
    purse, other = bench.purse(PER_DAY, "a"), bench.purse(PER_DAY, "b")
    assert await admitted(purse, 100)
    bench.now += seconds
    purse.put_back(60, purse.day)
    purse.tend()
    await settle()
    spent = 0
    for _ in range(70):
        bench.now += 0.3
        spent += await admitted(purse) + await admitted(other)
        purse.tend()
        other.tend()
        await settle()
    assert spent == 60


async def test_what_was_spent_alone_on_nothing_is_not_owed(bench: Bench) -> None:
    purse = bench.purse(PER_DAY)
    bench.leases.away = True
    assert await admitted(purse, 50)
    assert not await admitted(purse)
    purse.put_back(20, purse.day)
    assert await admitted(purse, 20)
    purse.put_back(20, purse.day)
    bench.leases.away, bench.now = False, bench.now + AWAY_SECONDS
    assert await admitted(purse, 70)
    assert not await admitted(purse)


async def test_tokens_of_yesterday_do_not_come_back(bench: Bench) -> None:
    purse = bench.purse(PER_DAY)
    assert await admitted(purse, 90)
    day = purse.day
    bench.now += DAY_SECONDS
    assert await admitted(purse, 100)
    purse.put_back(90, day)
    assert not await admitted(purse)


async def test_what_never_fits_is_refused_without_asking(bench: Bench) -> None:
    with pytest.raises(QuotaTooSmallError) as refused:
        await counted(bench.purse(PER_DAY).take(101))
    assert refused.value.retry_after is None
    assert not bench.leases.asked


async def test_a_lease_that_is_not_used_is_given_back(bench: Bench) -> None:
    purse = bench.purse(PER_SECOND)
    await counted(purse.take())
    await counted(purse.take())
    await settle()
    bench.now += LEASE_SECONDS * 0.6
    purse.tend()
    await settle()
    bench.now += LEASE_SECONDS * 0.6
    purse.tend()
    await settle()
    (bucket,) = bench.leases.buckets.values()
    assert [lease.tokens for lease in bucket.leases.values()] == [0]
    assert bench.leases.asked[-1].back > 0


async def test_while_nobody_can_be_asked_a_worker_keeps_to_its_share(bench: Bench) -> None:
    purse = bench.purse(PER_SECOND, workers=4)
    bench.leases.away = True
    let_in = sum([await admitted(purse) for _ in range(50)])
    assert let_in == 5
    for _ in range(100):
        bench.now += 0.1
        let_in += await admitted(purse)
    assert 5 + 40 <= let_in <= 5 + 50
    assert len(bench.leases.asked) <= 10.0 / AWAY_SECONDS + 2
    assert bench.alone("admitted") == let_in
    assert bench.alone("refused")


async def test_what_was_spent_alone_is_paid_when_the_bucket_is_there_again(bench: Bench) -> None:
    purses = [bench.purse(PER_SECOND, name) for name in "ab"]
    bench.leases.away = True
    for _ in range(200):
        bench.now += 0.05
        await asyncio.gather(*(admitted(purse) for purse in purses))
    bench.leases.away = False
    bench.now += AWAY_SECONDS
    let_in = 0
    for _ in range(100):
        let_in += sum(await asyncio.gather(*(admitted(purse) for purse in purses)))
    # One second has come back to each, and what was left of its share before.
    assert let_in <= 20 + 2


async def test_whoever_waits_too_long_has_the_share_and_it_is_owed(bench: Bench) -> None:
    purse = bench.purse(PER_SECOND, workers=2)
    bench.leases.held_up = asyncio.Event()
    assert await admitted(purse)
    assert bench.alone("admitted") == 1
    bench.leases.held_up.set()
    await settle()
    bench.leases.held_up = None
    for _ in range(30):
        await admitted(purse)
    assert sum(ask.owed for ask in bench.leases.asked) == 1


async def test_a_request_that_gave_up_while_it_waited_counts(bench: Bench) -> None:
    purse, other = bench.purse(PER_SECOND, "a"), bench.purse(PER_SECOND, "b")
    gave_up = [purse.take() for _ in range(8)]
    assert await admitted(other, 2)
    for waiting in gave_up:
        assert waiting is not None
        waiting.cancel()
    await settle()
    bench.now += 1.0
    assert sum([await admitted(other if n % 2 else purse) for n in range(40)]) == 20


async def test_rows_of_those_who_gave_up_are_there_for_others(bench: Bench) -> None:
    purse = bench.purse(PER_DAY)
    waiting = purse.take(100)
    assert waiting is not None
    waiting.cancel()
    await settle()
    assert await admitted(purse, 100)


async def test_leases_end_with_the_day(bench: Bench) -> None:
    bench.now = NOON + DAY_SECONDS / 2 - 1.0
    purse = bench.purse(PER_DAY)
    for _ in range(8):
        assert await admitted(purse)
        await settle()
    bench.now += 1.0
    assert await admitted(purse, 100)
    assert not await admitted(purse)


async def test_the_end_gives_back_what_is_held(bench: Bench) -> None:
    purse = bench.purse(PER_DAY)
    for _ in range(8):
        assert await admitted(purse)
    await purse.close()
    assert (await bench.leases.exchange(KEY, PER_DAY, Ask("b"))).left == 92
