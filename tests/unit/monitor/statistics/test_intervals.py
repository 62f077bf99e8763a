"""Intervals against the formulas' known values and limits."""

import math

import pytest

from services.monitor.domain.statistics.intervals import (
    Interval,
    average,
    difference,
    mean,
    proportion,
    within_unit,
)


def test_wilson_s_interval_is_newcombe_s_worked_example() -> None:
    # Newcombe 1998: 81 of 263.
    found = proportion(81, 263)
    assert found is not None
    assert found.low == pytest.approx(0.2553, abs=5e-5)
    assert found.high == pytest.approx(0.3662, abs=5e-5)


def test_no_hits_still_leave_room_above() -> None:
    found = proportion(0, 10)
    assert found is not None
    assert found.low == 0.0
    assert found.high == pytest.approx(0.2775, abs=5e-5)
    assert proportion(0, 0) is None


def test_a_difference_is_newcombe_s_worked_example() -> None:
    # Newcombe 1998, method 10: 56 of 70 less 48 of 80.
    more, less = proportion(56, 70), proportion(48, 80)
    assert more is not None
    assert less is not None
    found = difference(more, less)
    assert found.value == pytest.approx(0.2)
    assert found.low == pytest.approx(0.0524, abs=5e-5)
    assert found.high == pytest.approx(0.3339, abs=5e-5)


def test_a_mean_of_few_rows_has_no_limits() -> None:
    assert mean(29, 1.0, 4.0) == Interval(1.0)
    assert mean(0, 1.0, 4.0) is None
    found = mean(400, 1.0, 4.0)
    assert found is not None
    assert found.high == pytest.approx(1.0 + 1.959964 * 0.1)


def test_a_figure_at_its_end_has_no_limits() -> None:
    assert within_unit(1.0, 0.1) == Interval(1.0)
    found = within_unit(0.5, 0.01)
    assert found.low is not None
    assert found.low == pytest.approx(0.5 - 1.959964 * 0.01, abs=2e-5)


def test_averaging_equals_shrinks_by_the_root_of_how_many() -> None:
    part = Interval(0.5, 0.4, 0.6)
    found = average([part] * 4)
    assert found is not None
    assert found.low == pytest.approx(0.45)
    assert average([]) is None
    assert average([part, Interval(0.25)]) == Interval(0.375)
    assert difference(part, Interval(0.1)) == Interval(0.4)


def test_limits_move_with_a_change_of_scale() -> None:
    assert Interval(4.0, 1.0, 9.0).mapped(math.sqrt) == Interval(2.0, 1.0, 3.0)
    assert Interval(4.0).mapped(math.sqrt) == Interval(2.0)
