import numpy as np
import pytest

from services.registry.domain.proportions import difference, ratio, shared_z, wilson
from understudy.contracts.reviews import Estimate


def share(hits: int, rows: int) -> Estimate:
    found = wilson(hits, rows)
    assert found is not None
    return found


def test_wilson_is_as_published() -> None:
    # Newcombe (1998), two-sided intervals for the single proportion, table I: 81 of 263; 0 of 20.
    found = share(81, 263)
    assert (found.low, found.high) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert share(0, 20).high == pytest.approx(0.1611, abs=5e-5)
    assert wilson(0, 0) is None


def test_difference_is_as_published() -> None:
    # Newcombe (1998), interval estimation for the difference, table II, method 10: 56/70 - 48/80.
    found = difference(share(56, 70), share(48, 80))
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_more_figures_at_once_are_wider() -> None:
    assert shared_z(1) == pytest.approx(1.96, abs=1e-3)
    assert shared_z(10) > shared_z(2) > shared_z(1)


def test_ratio_covers_the_truth_and_is_none_without_a_divisor() -> None:
    rng, covered, tries = np.random.default_rng(3), 0, 1_000
    for _ in range(tries):
        less, more = (
            share(int(rng.binomial(200, 0.2)), 200),
            share(int(rng.binomial(150, 0.3)), 150),
        )
        found = ratio(less, more)
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        assert found.low <= found.value <= found.high
        covered += found.low <= 2 / 3 <= found.high
    assert 0.93 < covered / tries < 0.98
    assert ratio(share(3, 10), share(0, 10)) is None
