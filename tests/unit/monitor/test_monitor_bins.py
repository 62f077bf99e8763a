"""Bins and tallies: every value is counted once, in the right place."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from understudy.profiles.bins import (
    ABOVE,
    BELOW,
    FIRST_BIN,
    MISSING,
    OTHER,
    UNSEEN,
    category_bins,
    number_bins,
)

NUMBERS = st.floats(-1e6, 1e6) | st.just(float("nan"))


def test_few_distinct_values_get_a_bin_each() -> None:
    bins = number_bins(np.array([0.0, 1.0, 1.0, 2.0]))
    assert bins is not None
    assert bins.names == (0.0, 0.5, 1.5, 2.0)
    assert bins.tally(np.array([0.0, 1.0, 2.0, 2.0]))[FIRST_BIN:].tolist() == [1, 1, 2]


def test_many_values_get_quantile_bins_of_equal_mass() -> None:
    values = np.random.default_rng(0).normal(size=10_000)
    bins = number_bins(values)
    assert bins is not None
    counts = bins.tally(values)
    assert counts[:FIRST_BIN].tolist() == [0, 0, 0]
    assert counts[FIRST_BIN:].tolist() == [1_000] * 10


def test_repeated_quantiles_merge() -> None:
    values = np.concatenate([np.zeros(900), np.arange(1, 101)])
    bins = number_bins(values)
    assert bins is not None
    assert len(set(bins.names)) == len(bins.names)
    assert bins.tally(values)[FIRST_BIN:].sum() == 1_000


def test_outside_and_missing_numbers_have_counts_of_their_own() -> None:
    bins = number_bins(np.array([0.0, 1.0]))
    assert bins is not None
    counts = bins.tally(np.array([-0.1, np.nan, 0.0, 1.0, 1.1, 5.0, np.inf, -np.inf]))
    assert (counts[MISSING], counts[BELOW], counts[ABOVE]) == (1, 2, 3)
    assert counts[FIRST_BIN:].tolist() == [1, 1]


def test_a_constant_reference_still_tells_other_values_apart() -> None:
    bins = number_bins(np.array([7.0, 7.0]))
    assert bins is not None
    assert bins.tally(np.array([7.0, 6.0, 8.0])).tolist() == [0, 1, 1, 1]


def test_without_any_value_there_are_no_bins() -> None:
    assert number_bins(np.array([np.nan, np.inf])) is None
    assert category_bins([None]) is None


def test_rare_categories_share_a_bin_and_unseen_ones_do_not_enter_it() -> None:
    often = [f"c{number:02}" for number in range(50)] * 2
    bins = category_bins([*often, "rare", "rarer", None])
    assert bins is not None
    assert bins.names[-1] == OTHER
    counts = bins.tally(["c00", "rare", "rarer", "new", None, None])
    assert (counts[MISSING], counts[UNSEEN], counts[ABOVE]) == (2, 1, 0)
    assert (counts[FIRST_BIN], counts[-1]) == (1, 2)


@given(st.lists(NUMBERS, min_size=1), st.lists(NUMBERS))
def test_every_number_is_counted_once(reference: list[float], live: list[float]) -> None:
    bins = number_bins(np.array(reference))
    if bins is not None:
        assert bins.tally(np.array(live)).sum() == len(live)
        assert bins.tally(np.array(reference))[[BELOW, ABOVE]].tolist() == [0, 0]
