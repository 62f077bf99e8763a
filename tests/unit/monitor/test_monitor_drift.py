"""The debiased index: about 0 without drift at any size, and more the further values move."""

import numpy as np
import pytest

from services.monitor.domain.drift import debiased_psi
from understudy.profiles.bins import BELOW, category_bins, number_bins


def average_index(live_rows: int, reference_rows: int, shift: float = 0.0) -> float:
    rng = np.random.default_rng(7)
    found = []
    for _ in range(300):
        reference = rng.normal(size=reference_rows)
        bins = number_bins(reference)
        assert bins is not None
        live = bins.tally(rng.normal(shift, size=live_rows))
        index = debiased_psi(live[BELOW:], bins.tally(reference)[BELOW:])
        assert index is not None
        found.append(index)
    return float(np.mean(found))


@pytest.mark.parametrize(("live", "reference"), [(200, 5_000), (1_000, 5_000), (1_000, 1_000)])
def test_without_drift_it_averages_nothing(live: int, reference: int) -> None:
    undebiased = 9 * (1 / live + 1 / reference)
    assert abs(average_index(live, reference)) < 0.25 * undebiased


def test_it_rises_with_the_shift() -> None:
    found = [average_index(1_000, 5_000, shift) for shift in (0.0, 0.25, 0.5, 1.0)]
    assert found == sorted(found)
    assert found[1] > 0.03
    # For a normal shifted by d standard deviations the index tends to d².
    assert found[2] == pytest.approx(0.25, rel=0.3)


def test_values_the_reference_does_not_hold_are_drift() -> None:
    bins = category_bins(["a", "b"] * 1_000)
    assert bins is not None
    index = debiased_psi(
        bins.tally(["a", "b"] * 450 + ["new"] * 100)[BELOW:], bins.tally(["a", "b"] * 1_000)[BELOW:]
    )
    assert index is not None
    assert index > 0.3


def test_an_empty_sample_gives_no_figure() -> None:
    some, none = np.array([3, 4]), np.array([0, 0])
    assert debiased_psi(none, some) is None
    assert debiased_psi(some, none) is None
