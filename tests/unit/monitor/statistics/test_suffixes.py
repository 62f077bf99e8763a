"""Suffix sums over thinned starts."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.monitor.domain.statistics.suffixes import (
    FINE,
    log_change_evidence,
    retained_starts,
    suffix_sums,
)


@given(st.sets(st.integers(0, 5_000), min_size=1, max_size=200))
def test_the_newest_are_all_kept_and_the_older_ones_thinned(found: set[int]) -> None:
    numbers = np.array(sorted(found))
    newest = int(numbers[-1])
    kept = set(numbers[retained_starts(numbers, newest)].tolist())
    assert {number for number in found if newest - number < FINE} <= kept
    assert kept <= found


def test_a_long_sequence_has_few_starts_and_each_octave_has_some() -> None:
    numbers = np.arange(100_000)
    kept = numbers[retained_starts(numbers, 99_999)]
    assert kept.size < 150
    for octave in range(3, 16):
        ages = 99_999 - kept
        assert ((ages >= 2**octave) & (ages < 2 ** (octave + 1))).sum() >= FINE // 2


@given(st.integers(1, 60), st.integers(0, 10**6))
def test_suffix_sums_are_sums_of_suffixes(blocks: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 9, (blocks, 3, 2))
    starts = np.flatnonzero(rng.random(blocks) < 0.4)
    expected = np.array([counts[start:].sum(axis=0) for start in starts]).reshape(-1, 3, 2)
    assert np.array_equal(suffix_sums(counts, starts), expected)


def test_without_starts_there_is_no_evidence() -> None:
    assert log_change_evidence(np.zeros(0)) == float("-inf")
    assert log_change_evidence(np.zeros(4)) == np.log(4)
