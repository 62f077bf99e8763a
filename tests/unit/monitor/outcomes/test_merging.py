"""How far back so many cohorts reach, counted by where their tallies are kept."""

import pytest

from services.monitor.domain.outcomes.merging import home, reach
from services.monitor.domain.outcomes.tallies import CohortId

DAY = 86_400
NEWEST = 20_000.5 * DAY


@pytest.mark.parametrize("seconds", [10, 600, 3_600])
@pytest.mark.parametrize("horizon", [0.0, 3_600.0, 7.0 * DAY])
@pytest.mark.parametrize("most", [1, 200, 2_000, 5_000])
def test_no_more_cohorts_lie_within_reach(seconds: int, horizon: float, most: int) -> None:
    since = max(reach(horizon, seconds, NEWEST, most), NEWEST - horizon - 20 * DAY)
    starts = range(int(since // seconds + 1) * seconds, int(NEWEST - horizon), seconds)
    kept = {home(CohortId(start, seconds, 1, "t", release=1), horizon, NEWEST) for start in starts}
    # An hour, or a day, that has begun is kept as its cohorts until it is over.
    assert len(kept) <= most + 3_600 // seconds + 24


def test_merged_cohorts_reach_back_for_years() -> None:
    assert NEWEST - reach(0.0, 10, NEWEST, 2_621) > 365 * DAY
    assert NEWEST - reach(0.0, 10, NEWEST, 1_000) == 10_000
