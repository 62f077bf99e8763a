"""Confidence sequences of a rate."""

import numpy as np
import pytest

from services.monitor.domain.statistics.proportions import confidence_sequence


def test_no_rows_say_nothing() -> None:
    assert confidence_sequence(0, 0, 0.05) == (0.0, 1.0)


@pytest.mark.parametrize(("successes", "rows"), [(0, 50), (50, 50), (7, 50), (500, 100_000)])
def test_it_holds_the_observed_rate_and_narrows_with_rows(successes: int, rows: int) -> None:
    low, high = confidence_sequence(successes, rows, 0.05)
    assert low <= successes / rows <= high
    wider = confidence_sequence(successes, rows, 0.001)
    assert wider[0] <= low
    assert wider[1] >= high
    more = confidence_sequence(successes * 10, rows * 10, 0.05)
    assert more[1] - more[0] < high - low


def test_at_all_looks_together_it_misses_the_rate_rarely() -> None:
    rng = np.random.default_rng(3)
    missed = 0
    for _ in range(200):
        found = np.cumsum(rng.random(600) < 0.2)
        bounds = [confidence_sequence(int(found[n]), n + 1, 0.1) for n in range(9, 600, 10)]
        missed += any(not low <= 0.2 <= high for low, high in bounds)
    assert missed <= 20
