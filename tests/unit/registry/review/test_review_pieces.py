import time

import numpy as np

from services.registry.adapters.inspection.pieces import (
    MOST_ROWS_A_CALL,
    ROWS_A_CALL,
    InPieces,
)
from understudy.inference.rows import Rows
from understudy.inference.scored import Scored


class Doubling:
    """Works for so long over each row, and remembers how many rows it was asked at once."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.calls = list[int]()

    def score(self, rows: Rows) -> Scored:
        self.calls.append(len(rows))
        ends = time.process_time() + self.seconds * len(rows)
        while time.process_time() < ends:
            pass
        return Scored(2 * rows.numbers[:, 0])


def numbered(rows: int, columns: int = 1) -> Rows:
    return Rows(np.arange(rows * columns, dtype=np.float64).reshape(rows, columns), ())


def test_answers_are_those_of_one_call() -> None:
    rows = numbered(20_123)
    found = InPieces(Doubling()).score(rows)
    assert np.array_equal(found.values, Doubling().score(rows).values)
    assert found.probabilities is None


def test_who_answers_quickly_is_asked_much_at_once_and_always_the_same() -> None:
    runner = Doubling()
    model = InPieces(runner)
    model.score(numbered(20_000))
    runner.calls.clear()
    model.score(numbered(20_000))
    assert runner.calls == [MOST_ROWS_A_CALL, MOST_ROWS_A_CALL, 20_000 - 2 * MOST_ROWS_A_CALL]


def test_who_is_slow_is_asked_little_at_once() -> None:
    runner = Doubling(seconds=0.0004)
    InPieces(runner).score(numbered(1_200))
    assert max(runner.calls) == ROWS_A_CALL


def test_very_wide_rows_are_asked_few_at_once() -> None:
    runner = Doubling()
    InPieces(runner).score(numbered(2_000, columns=1_900))
    assert max(runner.calls) < 1_000
