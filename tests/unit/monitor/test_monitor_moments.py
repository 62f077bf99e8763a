"""Mean and standard deviation from shifted sums agree with numpy's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.profiles.moments import Moments, moments, no_sums, shifted_sums

VALUES = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=50)


@given(VALUES, VALUES, st.floats(-1e3, 1e3))
def test_added_sums_are_those_of_all_values(
    left: list[float], right: list[float], centre: float
) -> None:
    sums = shifted_sums(np.array(left), centre) + shifted_sums(np.array(right), centre)
    found = moments(sums, centre)
    assert found.rows == len(left) + len(right)
    assert found.mean == pytest.approx(np.mean(left + right), abs=1e-6)
    assert found.standard_deviation == pytest.approx(np.std(left + right, ddof=1), abs=1e-3)


def test_large_offsets_do_not_cancel() -> None:
    values = 1e9 + np.random.default_rng(0).normal(size=1_000)
    found = moments(shifted_sums(values, 1e9), 1e9)
    assert found.standard_deviation == pytest.approx(np.std(values, ddof=1), rel=1e-6)


def test_figures_need_enough_values() -> None:
    assert moments(no_sums(), 5.0) == Moments(0)
    assert moments(shifted_sums(np.array([3.0, np.nan]), 5.0), 5.0) == Moments(1, 3.0)
