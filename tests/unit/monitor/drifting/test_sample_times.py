"""Times of a sample's rows, however a Parquet file holds them."""

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from understudy.inference.row_times import times_of
from understudy.profiles.sample_times import Ordering, in_order

DAY = datetime(2026, 11, 16, tzinfo=UTC)
SECONDS = DAY.timestamp()


@pytest.mark.parametrize(
    "column",
    [
        pa.array([DAY, None], pa.timestamp("us", "UTC")),
        pa.array([DAY.replace(tzinfo=None), None], pa.timestamp("ns")),
        pa.array([DAY.astimezone(), None], pa.timestamp("s", "Europe/Paris")),
        pa.array([date(2026, 11, 16), None], pa.date32()),
        pa.array([SECONDS, None], pa.float64()),
        pa.array([int(SECONDS), None], pa.int64()),
    ],
    ids=str,
)
def test_every_kind_of_time_is_read(column: Any) -> None:
    found = times_of(pa.chunked_array([column]))
    assert found[0] == SECONDS
    assert np.isnan(found[1])


def test_rows_come_in_the_order_of_time_and_those_without_one_go() -> None:
    table = pa.table({"value": [3, 1, 0, 2], "at": [30.0, 10.0, None, 20.0]})
    ordered, at = in_order(table, Ordering("at"))
    assert ordered["value"].to_pylist() == [1, 2, 3]
    assert at is not None
    assert at.tolist() == [10.0, 20.0, 30.0]


@pytest.mark.parametrize("ordering", [Ordering(), Ordering("elsewhen"), Ordering("empty")])
def test_without_times_rows_stay_as_they_are(ordering: Ordering) -> None:
    table = pa.table({"value": [2, 1], "empty": pa.array([None, None], pa.float64())})
    assert in_order(table, ordering) == (table, None)
