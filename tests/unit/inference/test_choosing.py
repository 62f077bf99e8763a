from dataclasses import dataclass, field

import numpy as np

from understudy.inference.choosing import ByBatchSize, quicker
from understudy.inference.rows import Rows
from understudy.inference.scored import Scored

PROBE = Rows(np.zeros((64, 2)), (["a"] * 64,))


@dataclass
class Time:
    """A clock that runners move on."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass(eq=False)
class Timed:
    """A runner of known cost."""

    clock: Time
    call: float
    row: float
    most: int = 1_000
    asked: list[int] = field(default_factory=list)

    def score(self, rows: Rows) -> Scored:
        if len(rows) > self.most:
            raise ValueError("too many")
        self.clock.now += self.call + self.row * len(rows)
        self.asked.append(len(rows))
        return Scored(np.zeros(len(rows)))


def test_calls_go_by_their_number_of_rows() -> None:
    clock = Time()
    fast, bulk = Timed(clock, 1, 1), Timed(clock, 1, 1)
    both = ByBatchSize(fast, bulk, 32)
    for count in (1, 31, 32, 64):
        both.score(PROBE.part(0, count))
    assert (fast.asked, bulk.asked) == ([1, 31], [32, 64])


def test_a_runner_that_is_always_quicker_is_alone() -> None:
    clock = Time()
    fast = Timed(clock, 5.0, 0.1)
    assert quicker(fast, Timed(clock, 500.0, 0.2), PROBE, clock) is fast


def test_one_that_is_slower_for_many_rows_is_asked_for_few() -> None:
    clock = Time()
    fast, bulk = Timed(clock, 25.0, 8.0), Timed(clock, 400.0, 1.0)
    found = quicker(fast, bulk, PROBE, clock)
    assert isinstance(found, ByBatchSize)
    assert (found.fast, found.bulk, found.rows) == (fast, bulk, 64)


def test_one_that_is_always_slower_is_not_asked() -> None:
    clock = Time()
    bulk = Timed(clock, 1.0, 0.1)
    assert quicker(Timed(clock, 5.0, 0.2), bulk, PROBE, clock) is bulk


def test_a_little_quicker_is_no_reason() -> None:
    clock = Time()
    fast = Timed(clock, 10.0, 1.0)
    assert quicker(fast, Timed(clock, 9.5, 0.95), PROBE, clock) is fast


def test_rows_that_one_refuses_decide_nothing() -> None:
    clock = Time()
    fast = Timed(clock, 5.0, 0.1)
    assert quicker(fast, Timed(clock, 1.0, 0.1, most=0), PROBE, clock) is fast
