"""Evidence that the mean of bounded values lies above a bound."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.monitor.domain.statistics.betting import (
    STAKES,
    log_evidence_above,
    log_evidence_below,
    log_evidence_of_share,
    log_evidence_within,
)
from services.monitor.domain.statistics.spectrum import no_spectrum, spectrum


def test_without_values_there_is_no_evidence() -> None:
    assert log_evidence_above(no_spectrum()) == 0.0
    assert log_evidence_within(no_spectrum(), 0.1) == 0.0


@pytest.mark.parametrize("bound", [0.0, 0.02])
def test_the_expected_wealth_at_the_bound_is_at_most_one(bound: float) -> None:
    # Values 1, 0 and -1 with mean `bound`: all sequences of four, each with its probability.
    chances = {1.0: (0.5 + bound) / 2 + 0.125, 0.0: 0.25, -1.0: (0.5 - bound) / 2 + 0.125}
    assert sum(value * chance for value, chance in chances.items()) == pytest.approx(bound)
    expected = 0.0
    for drawn in itertools.product(chances, repeat=4):
        chance = np.prod([chances[value] for value in drawn])
        expected += chance * np.exp(log_evidence_above(spectrum(np.array(drawn)), bound))
    assert 0.99 < expected <= 1.0


def test_a_mean_above_the_bound_is_found_and_one_below_is_not() -> None:
    rng = np.random.default_rng(1)
    found = spectrum(rng.normal(0.1, 0.3, 2_000))
    assert log_evidence_above(found) > 20
    assert log_evidence_above(found, 0.2) < 0
    assert log_evidence_below(found) < 0
    assert log_evidence_below(spectrum(rng.normal(-0.1, 0.3, 2_000))) > 20


def test_within_needs_both_sides() -> None:
    rng = np.random.default_rng(2)
    around_zero = spectrum(rng.normal(0.0, 0.1, 20_000))
    assert log_evidence_within(around_zero, 0.02) > 10
    assert log_evidence_within(spectrum(rng.normal(0.02, 0.1, 20_000)), 0.02) < 3


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=40), st.integers(0, 40))
def test_any_split_has_the_same_evidence(values: list[float], cut: int) -> None:
    found = np.array(values)
    whole = spectrum(found)
    parts = spectrum(found[cut:]) + spectrum(found[:cut])
    assert parts == whole
    assert log_evidence_above(parts) == log_evidence_above(whole)
    assert (whole - spectrum(found[:cut])) == spectrum(found[cut:])


def test_the_evidence_of_a_share_is_that_of_its_rows() -> None:
    bad, rows, bound = 7, 50, 0.05
    staked = np.array([1 - bound] * bad + [-bound] * (rows - bad)) / (1 - bound)
    wealth = np.log1p(np.multiply.outer(STAKES, staked)).sum(axis=1)
    expected = np.logaddexp.reduce(wealth) - np.log(STAKES.size)
    assert log_evidence_of_share(np.array([7.0]), np.array([50.0]), bound) == pytest.approx(
        expected
    )


def test_nothing_may_go_wrong_is_a_bound_too() -> None:
    evidence = log_evidence_of_share(np.array([0.0, 40.0]), np.array([1e6, 1e6]), 0.0)
    assert evidence[0] == pytest.approx(0.0)
    assert evidence[1] > 20
