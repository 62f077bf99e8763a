"""Hours of the week are UTC's; strata are only as fine as the reference allows."""

from datetime import UTC, datetime

import numpy as np
import pytest

from understudy.contracts.vocabulary import DriftStrata
from understudy.profiles.seasons import HOURS, by_stratum, hours_of_week, settled, strata_of


@pytest.mark.parametrize(
    ("when", "hour"),
    [("2026-11-16T00:00", 0), ("2026-11-16T23:59", 23), ("2026-11-22T23:00", 167)],
)
def test_the_week_begins_on_monday(when: str, hour: int) -> None:
    at = datetime.fromisoformat(when).replace(tzinfo=UTC).timestamp()
    assert hours_of_week(np.array([at, at + 7 * 86_400])).tolist() == [hour, hour]


def test_strata_partition_the_week() -> None:
    rows = np.arange(HOURS)[:, None]
    for kind, count in zip(DriftStrata, (1, 24, 7, 168), strict=True):
        found = by_stratum(rows, kind)
        assert (len(found), found.sum()) == (count, rows.sum())
    assert strata_of(np.array([25]), DriftStrata.HOUR_OF_DAY).tolist() == [1]
    assert strata_of(np.array([25]), DriftStrata.DAY_OF_WEEK).tolist() == [1]


@pytest.mark.parametrize(
    ("rows", "asked", "found"),
    [
        (200, DriftStrata.HOUR_OF_WEEK, DriftStrata.HOUR_OF_WEEK),
        (40, DriftStrata.HOUR_OF_WEEK, DriftStrata.HOUR_OF_DAY),
        (5, DriftStrata.HOUR_OF_WEEK, DriftStrata.NONE),
        (10, DriftStrata.DAY_OF_WEEK, DriftStrata.DAY_OF_WEEK),
        (5, DriftStrata.DAY_OF_WEEK, DriftStrata.NONE),
        (1, DriftStrata.NONE, DriftStrata.NONE),
    ],
)
def test_strata_are_as_fine_as_the_reference_allows(
    rows: int, asked: DriftStrata, found: DriftStrata
) -> None:
    assert settled(np.full(HOURS, rows), asked) is found


def test_hours_that_the_reference_never_saw_coarsen_nothing() -> None:
    working = np.where(np.arange(HOURS) % 24 < 8, 0, 500)
    assert settled(working, DriftStrata.HOUR_OF_DAY) is DriftStrata.HOUR_OF_DAY
