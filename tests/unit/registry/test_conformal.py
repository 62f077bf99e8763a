import math

import pytest

from services.registry.domain.conformal import LEAST_ROWS, LEVEL, interval_of
from services.registry.domain.versions import Interval


@pytest.mark.parametrize(
    ("rows", "place"),
    [
        (100, 91),  # ceil(90.9)
        (109, 99),  # exactly 99, which 110 * 0.9 in binary is a hair above
        (199, 180),
        (999, 900),
        (1_000, 901),
    ],
)
def test_the_half_width_is_a_residual_of_that_place(rows: int, place: int) -> None:
    residuals = [float(rank) for rank in range(rows, 0, -1)]
    assert interval_of(residuals) == Interval(LEVEL, float(place), rows)


def test_few_rows_give_none() -> None:
    assert interval_of([1.0] * (LEAST_ROWS - 1)) is None
    assert interval_of([]) is None


def test_a_level_that_so_many_rows_cannot_tell_gives_none() -> None:
    assert interval_of([1.0] * 100, 0.995) is None


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_answers_that_are_no_numbers_count_as_far_off(wrong: float) -> None:
    assert interval_of([1.0] * 95 + [wrong] * 5) == Interval(LEVEL, 1.0, 100)
    assert interval_of([1.0] * 90 + [wrong] * 10) is None
