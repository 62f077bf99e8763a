import numpy as np
import pytest

from services.registry.domain.auc_interval import auc_interval


@pytest.mark.parametrize("auc", [0.0, 0.2, 0.5, 0.9, 1.0])
@pytest.mark.parametrize(("positives", "negatives"), [(1, 1), (3, 200), (500, 500)])
def test_interval_holds_the_estimate_and_stays_within_0_and_1(
    auc: float, positives: int, negatives: int
) -> None:
    low, high = auc_interval(auc, positives, negatives)
    assert 0.0 <= low <= auc <= high <= 1.0
    assert high - low > 0.0


def test_interval_mirrors_when_classes_change_places() -> None:
    low, high = auc_interval(0.83, 40, 90)
    mirrored_low, mirrored_high = auc_interval(0.17, 90, 40)
    assert (low, high) == pytest.approx((1.0 - mirrored_high, 1.0 - mirrored_low))


def test_bounds_solve_the_equation_that_defines_them() -> None:
    m, n, auc, z = 30, 70, 0.8, 1.959963985
    for theta in auc_interval(auc, m, n):
        more = (m + n) / 2 - 1
        spread = more * (1 - theta) / (2 - theta) + more * theta / (1 + theta)
        variance = theta * (1 - theta) * (1 + spread) / (m * n)
        assert abs(auc - theta) == pytest.approx(z * variance**0.5)


def test_a_perfect_area_of_few_rows_says_little() -> None:
    assert auc_interval(1.0, 3, 3)[0] < 0.6
    assert auc_interval(1.0, 3_000, 3_000)[0] > 0.999


def test_more_certainty_is_wider_and_more_rows_are_narrower() -> None:
    low, high = auc_interval(0.7, 50, 50)
    assert auc_interval(0.7, 50, 50, level=0.999)[0] < low
    assert auc_interval(0.7, 500, 500)[1] < high


def test_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng, covered, tries = np.random.default_rng(5), 0, 400
    for _ in range(tries):  # two normals a distance of 1.19 apart have an area of 0.8
        better, worse = rng.normal(1.1902, 1.0, 25), rng.normal(0.0, 1.0, 60)
        auc = float((better[:, None] > worse[None, :]).mean())
        low, high = auc_interval(auc, 25, 60)
        covered += low <= 0.8 <= high
    assert covered / tries > 0.92


@pytest.mark.parametrize(
    ("auc", "positives", "negatives", "level"),
    [(1.1, 5, 5, 0.95), (float("nan"), 5, 5, 0.95), (0.5, 0, 5, 0.95), (0.5, 5, 5, 1.0)],
)
def test_what_has_no_interval_is_refused(
    auc: float, positives: int, negatives: int, level: float
) -> None:
    with pytest.raises(ValueError, match=r"between 0 and 1|both classes"):
        auc_interval(auc, positives, negatives, level)
