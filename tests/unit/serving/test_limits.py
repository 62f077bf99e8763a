"""The arithmetic of limits: never more than the bucket holds and what comes back."""

import itertools
import math
from dataclasses import dataclass, field
from typing import Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.serving.domain.limit_fields import policy_of, state_of
from services.serving.domain.limits import (
    DAY_SECONDS,
    LEASE_SECONDS,
    SHARER_SECONDS,
    Ask,
    Bucket,
    Counted,
    Terms,
    exchanged,
)
from services.serving.domain.shares import Share
from services.serving.operations.limiting import terms_of
from understudy.contracts.limits import Limits

MIDNIGHT = 20_000.0 * DAY_SECONDS
NOON = MIDNIGHT + DAY_SECONDS / 2
PER_SECOND = Terms(Counted.REQUESTS, 20, 20.0)
PER_DAY = Terms(Counted.PREDICTIONS, 100)


ROUNDING = 1e-4
"""Tokens. Times since the epoch are as doubles 2.4e-7 s apart, at 20 tokens a second."""


@dataclass
class Worker:
    """Spends what it leases, as a purse does."""

    name: str
    tokens: int = 0
    until: float = 0.0
    day: int = 0


@dataclass
class World:
    """Workers, a bucket, its clock and that of the world; notes when each token was spent."""

    terms: Terms
    now: float = NOON
    behind: float = 0.0
    """So much less says the clock of the bucket."""
    bucket: Bucket | None = None
    workers: dict[str, Worker] = field(default_factory=lambda: {n: Worker(n) for n in "abc"})
    spent: list[float] = field(default_factory=list)

    def exchange(
        self, worker: Worker, *, need: int = 0, ahead: int = 0, back: int = 0, meanwhile: int = 0
    ) -> None:
        """What is needed is spent at once; `meanwhile` is while the ask is on its way."""
        if self.now >= worker.until:
            worker.tokens = 0
        back = min(back, worker.tokens)
        worker.tokens -= back
        ask = Ask(worker.name, worker.tokens, need, min(need, 1), ahead, back, day=worker.day)
        until = self.now + LEASE_SECONDS
        if meanwhile:
            self.spend(worker, meanwhile)
            self.now += 0.01
        self.bucket, grant = exchanged(self.bucket, self.terms, ask, self.now - self.behind)
        if grant.day != worker.day or self.now >= worker.until:
            worker.tokens, worker.day = 0, grant.day
        worker.tokens += grant.tokens
        worker.until = min(until, self.now + grant.ends)
        self.spend(worker, min(need, grant.tokens))

    def spend(self, worker: Worker, tokens: int) -> None:
        if self.now < worker.until:
            tokens = min(tokens, worker.tokens)
            worker.tokens -= tokens
            self.spent += [self.now] * tokens


Action = tuple[str, str, int, float]
PAUSES = st.sampled_from([0.0, 0.0, 0.01, 0.3, 1.9, 2.5, 30.0])


def actions(*more: str) -> st.SearchStrategy[list[Action]]:
    kinds = st.sampled_from(["lease", "ahead", "spend", "back", "meanwhile", *more])
    return st.lists(
        st.tuples(st.sampled_from("abc"), kinds, st.integers(1, 30), PAUSES), max_size=40
    )


def played(terms: Terms, actions: list[Action], now: float = NOON) -> World:
    world = World(terms, now)
    for name, action, amount, seconds in actions:
        worker = world.workers[name]
        if action == "lease":
            world.exchange(worker, need=amount, ahead=amount)
        elif action == "ahead":
            world.exchange(worker, ahead=amount)
        elif action == "spend":
            world.spend(worker, amount)
        elif action == "meanwhile":
            world.exchange(worker, ahead=amount, meanwhile=amount)
        elif action == "clock":
            world.behind += amount / 4
        else:
            world.exchange(worker, back=amount)
        world.now += seconds
    return world


def most_at_once(world: World) -> float:
    """Tokens spent in any stretch of time, without those that came back in it."""
    most, least_before = 0.0, math.inf
    for number, at in enumerate(world.spent):
        paid = number - world.terms.rate * (at - NOON)
        least_before = min(least_before, paid)
        most = max(most, paid + 1 - least_before)
    return most


HELD_A_WHILE: Final[list[Action]] = [
    *[("a", "lease", 1, 0.0)] * 4,
    ("a", "lease", 11, 0.0),
    ("a", "lease", 1, 0.3),
    ("a", "spend", 20, 0.0),
    ("a", "lease", 1, 0.0),
    ("a", "spend", 1, 0.0),
]
AHEAD_AND_HELD_A_WHILE: Final[list[Action]] = [
    ("a", "ahead", 5, 0.3),
    ("a", "spend", 5, 0.0),
    ("a", "lease", 20, 0.0),
]
OVER_BETWEEN: Final[list[Action]] = [
    ("a", "ahead", 5, 1.99),
    ("a", "spend", 5, 0.02),
    ("b", "lease", 20, 0.0),
]


@settings(max_examples=500, deadline=None)
@given(actions("clock"))
@example(HELD_A_WHILE)
@example(AHEAD_AND_HELD_A_WHILE)
@example(OVER_BETWEEN)
def test_in_no_stretch_of_time_is_more_spent_than_the_bucket_and_what_came_back(
    actions: list[Action],
) -> None:
    assert most_at_once(played(PER_SECOND, actions)) <= PER_SECOND.size + ROUNDING


@settings(max_examples=500, deadline=None)
@given(actions())
def test_in_no_day_is_more_spent_than_the_quota(actions: list[Action]) -> None:
    spent = played(PER_DAY, actions, MIDNIGHT - 20.0).spent
    before = sum(at < MIDNIGHT for at in spent)
    assert before <= PER_DAY.size
    assert len(spent) - before <= PER_DAY.size


@pytest.mark.parametrize("demand", [1, 5], ids=["as much as comes back", "five times as much"])
def test_what_comes_back_is_not_lost_to_leases(demand: int) -> None:
    world, waiting = World(PER_SECOND), dict.fromkeys("abc", 0)
    turns, seconds = itertools.cycle("abc"), 60
    for step in range(seconds * 20):
        for _ in range(demand):
            name = next(turns)
            worker = world.workers[name]
            if worker.tokens and world.now < worker.until:
                world.spend(worker, 1)
            else:
                waiting[name] += 1
        for name, worker in world.workers.items():
            world.exchange(worker, need=waiting[name], ahead=4)
            waiting[name] = 0
        world.now = NOON + (step + 1) / 20
    assert 0.95 * PER_SECOND.rate * seconds <= len(world.spent)
    assert len(world.spent) <= PER_SECOND.size + PER_SECOND.rate * seconds


def test_leases_of_a_worker_that_died_are_over_and_the_bucket_fills_again() -> None:
    bucket, _ = exchanged(None, PER_SECOND, Ask("dead", held=20), NOON)
    bucket, grant = exchanged(bucket, PER_SECOND, Ask("a"), NOON + LEASE_SECONDS - 0.1)
    assert grant.left == 0.0
    _, grant = exchanged(bucket, PER_SECOND, Ask("a"), NOON + LEASE_SECONDS + 0.9)
    assert grant.left == pytest.approx(18.0)


def test_a_worker_that_asks_again_when_its_lease_is_over_waits_no_longer_than_others() -> None:
    bucket, _ = exchanged(None, PER_SECOND, Ask("a", held=20), NOON)
    _, grant = exchanged(bucket, PER_SECOND, Ask("a"), NOON + LEASE_SECONDS + 0.25)
    assert grant.left == pytest.approx(5.0)


def test_what_is_waited_for_is_no_lease() -> None:
    bucket, _ = exchanged(None, PER_SECOND, Ask("a", need=20, least=1), NOON)
    _, grant = exchanged(bucket, PER_SECOND, Ask("b"), NOON + 0.5)
    assert grant.left == pytest.approx(10.0)


def test_of_a_worker_that_asks_all_it_held_may_be_spent_just_now() -> None:
    bucket, _ = exchanged(None, PER_SECOND, Ask("a", ahead=5), NOON)
    bucket, grant = exchanged(bucket, PER_SECOND, Ask("a"), NOON + 1.0)
    assert grant.left == 15.0
    _, grant = exchanged(bucket, PER_SECOND, Ask("a"), NOON + 1.25)
    assert grant.left == pytest.approx(20.0)


def test_what_comes_back_of_a_lease_is_there_again_though_it_is_over() -> None:
    bucket, _ = exchanged(None, PER_DAY, Ask("a", ahead=10), NOON)
    _, grant = exchanged(bucket, PER_DAY, Ask("a", back=10, day=20_000), NOON + 3.0)
    assert grant.left == 100.0


def test_workers_that_have_no_leases_any_more_share_no_longer() -> None:
    bucket, _ = exchanged(None, PER_SECOND, Ask("dead", need=1, least=1), NOON)
    bucket, grant = exchanged(bucket, PER_SECOND, Ask("a"), NOON + 1.0)
    assert grant.sharers == 2
    _, grant = exchanged(bucket, PER_SECOND, Ask("a"), NOON + LEASE_SECONDS + SHARER_SECONDS)
    assert grant.sharers == 1


def test_a_clock_that_is_put_back_neither_gives_nor_takes() -> None:
    bucket, _ = exchanged(None, PER_SECOND, Ask("a", held=20), NOON)
    bucket, grant = exchanged(bucket, PER_SECOND, Ask("b"), NOON - 3_600.0)
    assert grant.left == 0.0
    _, grant = exchanged(bucket, PER_SECOND, Ask("b"), NOON - 3_600.0 + LEASE_SECONDS + 1.0)
    assert grant.left == pytest.approx(20.0)


def test_a_clock_that_is_put_back_over_midnight_does_not_give_the_quota_anew() -> None:
    bucket, _ = exchanged(None, PER_DAY, Ask("a", need=60, least=1), MIDNIGHT + 1.0)
    _, grant = exchanged(bucket, PER_DAY, Ask("a"), MIDNIGHT - 1.0)
    assert grant.left == 40.0


def test_a_quota_is_there_anew_when_the_day_begins() -> None:
    bucket, grant = exchanged(None, PER_DAY, Ask("a", need=100, least=1), MIDNIGHT - 1.0)
    assert (grant.left, grant.ends) == (0.0, 1.0)
    _, grant = exchanged(bucket, PER_DAY, Ask("a", held=50, day=grant.day), MIDNIGHT)
    assert (grant.left, grant.ends) == (100.0, DAY_SECONDS)


def test_shares_of_all_workers_are_the_limit() -> None:
    shares = [Share(PER_SECOND, 4, 0.0, DAY_SECONDS) for _ in range(4)]
    at_once = sum(share.take(1, 0.0) for share in shares for _ in range(20))
    assert at_once == 20
    later = sum(share.take(1, 10.0 + i) for share in shares for i in range(1, 11) for _ in range(9))
    assert later <= 20 + 20 * 10


def test_a_share_begins_with_what_was_last_known_and_is_never_a_full_stop() -> None:
    _, grant = exchanged(None, PER_SECOND, Ask("a", need=16, least=1), NOON)
    share = Share(PER_SECOND, 2, 0.0, DAY_SECONDS)
    share.learn(grant, 0, 0.0)
    assert [share.take(1, 0.0) for _ in range(3)] == [True, True, False]
    small = Share(Terms(Counted.REQUESTS, 1, 1.0), 8, 0.0, DAY_SECONDS)
    assert [small.take(1, at) for at in (0.0, 7.9, 8.1)] == [True, False, True]


def test_a_share_of_a_quota_is_of_its_day() -> None:
    share = Share(PER_DAY, 4, 0.0, 10.0)
    assert share.take(25, 0.0)
    assert not share.take(1, 9.0)
    assert share.wait(1, 9.0) == 1.0
    assert share.owed(9.0) == 25
    assert share.take(25, 10.0)


def test_of_what_was_spent_alone_as_much_is_owed_as_has_not_come_back() -> None:
    share = Share(PER_SECOND, 2, 0.0, DAY_SECONDS)
    assert share.take(8, 0.0)
    assert share.owed(0.0) == 8
    assert share.owed(0.5) == pytest.approx(3.0)
    assert share.owed(5.0) == 0.0


@pytest.mark.parametrize(
    ("limits", "policies"),
    [
        (Limits(requests_per_second=20), ['"requests";q=20;w=1']),
        (Limits(requests_per_second=20, burst=100), ['"requests";q=100;w=5']),
        (Limits(requests_per_second=20, burst=5), ['"requests";q=20;w=1']),
        (Limits(requests_per_second=0.1), ['"requests";q=1;w=10']),
        (Limits(requests_per_second=2.5), ['"requests";q=5;w=2']),
        (
            Limits(requests_per_second=1, predictions_per_day=500),
            ['"requests";q=1;w=1', '"predictions";q=500;qu="predictions";w=86400'],
        ),
        (Limits(requests_per_second=1e-300), ['"requests";q=1;w=1000000']),
        (Limits(), []),
    ],
)
def test_policies_are_told_as_the_draft_has_them(limits: Limits, policies: list[str]) -> None:
    assert [policy_of(terms) for terms in terms_of(limits).values()] == policies


def test_what_is_left_is_told_in_whole_numbers() -> None:
    assert state_of(PER_SECOND, 3.9, 0.2) == '"requests";r=3;t=1'
    assert state_of(PER_DAY, 100, 0.0) == '"predictions";r=100;t=0'
