"""Which rows are timed, who goes first, and how many rows a call may have."""

import numpy as np
import pytest

from services.serving.adapters.scoring.models import Layout, Model
from services.serving.adapters.scoring.pace import Pace
from services.serving.adapters.scoring.timing import Timing
from tests.fakes.serving import FLOWERS, UNLUCKY_WIDTH, LengthRunner
from understudy.inference.rows import Rows
from understudy.inference.scored import Scored


class Clock:
    """Goes on when a model is asked."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Costly(LengthRunner):
    """Takes its time by the clock."""

    def __init__(self, clock: Clock, seconds: float, order: list[float]) -> None:
        super().__init__()
        self._clock = clock
        self._seconds = seconds
        self._order = order

    def score(self, rows: Rows) -> Scored:
        self._clock.now += self._seconds
        self._order.append(self._seconds)
        return super().score(rows)


class World:
    def __init__(self, ratio: float, challenger_seconds: float = 0.002) -> None:
        self.clock = Clock()
        self.order: list[float] = []
        self.main = self.model(1, 0.001)
        self.challenger = self.model(2, challenger_seconds)
        self.timing = Timing(self.main, ratio, self.clock)

    def model(self, version: int, seconds: float) -> Model:
        runner = Costly(self.clock, seconds, self.order)
        return Model(version, FLOWERS.target, Layout(FLOWERS), runner)

    def timed(self, rows: Rows, main: int = 1, failed: tuple[int, ...] = ()) -> int:
        return len(self.timing.take(self.challenger, main, rows, failed).rows)


def rows_of(count: int, width: float = 1.0) -> Rows:
    return Rows(np.tile([1.0, width], (count, 1)), ())


def test_rows_are_answered_alone_and_in_turn() -> None:
    world = World(ratio=1.0)
    found = world.timing.take(world.challenger, 1, rows_of(3), ())
    assert found.rows == [0, 1, 2]
    assert found.main == pytest.approx([0.001] * 3)
    assert found.challenger == pytest.approx([0.002] * 3)
    assert world.order == [0.001, 0.002, 0.002, 0.001, 0.001, 0.002]


def test_a_share_is_timed_and_no_more_than_a_second_allows() -> None:
    world = World(ratio=0.01)
    assert world.timed(rows_of(1)) == 1
    assert sum(world.timed(rows_of(10)) for _ in range(30)) == 3
    world = World(ratio=1.0)
    assert sum(world.timed(rows_of(1_000)) for _ in range(20)) <= 8
    world.clock.now += 1.0
    assert world.timed(rows_of(1_000)) == 5


def test_after_a_while_without_a_row_is_timed_whatever_the_share() -> None:
    world = World(ratio=0.000_1)
    assert world.timed(rows_of(1)) == 1
    assert world.timed(rows_of(1)) == 0
    world.clock.now += 11.0
    assert world.timed(rows_of(1)) == 1
    never = World(ratio=0.0)
    assert never.timed(rows_of(1)) == 0
    never.clock.now += 11.0
    assert never.timed(rows_of(1)) == 0


def test_rows_of_another_main_or_that_failed_are_not_timed() -> None:
    world = World(ratio=1.0)
    assert world.timed(rows_of(1), main=7) == 0
    assert world.timed(rows_of(2), failed=(0, 1)) == 0


def test_a_row_that_one_of_both_cannot_answer_alone_is_not_timed() -> None:
    assert World(ratio=1.0).timed(rows_of(2, UNLUCKY_WIDTH)) == 0


def test_slow_versions_are_timed_for_a_moment_only() -> None:
    assert World(ratio=1.0, challenger_seconds=2.0).timed(rows_of(5)) == 1


def test_calls_shrink_at_once_and_grow_by_and_by() -> None:
    pace = Pace(call_seconds=10.0, most_rows=1_000)
    pace.begin(0.001)
    assert pace.rows == 64
    pace.note(64, 0.01)
    assert pace.rows == 256
    pace.note(256, 0.01)
    assert pace.rows == 1_000
    pace.note(1_000, 100.0)
    assert pace.rows == 20
    pace.note(20, 60.0)
    assert pace.rows == 1


def test_a_new_process_begins_with_what_one_row_took() -> None:
    pace = Pace(call_seconds=10.0, most_rows=1_000)
    pace.begin(1.0)
    assert pace.rows == 2
    pace.begin(None)
    assert pace.rows == 1
