"""What is told of samples without labels or times."""

from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from tests.fakes.registry_bodies import version
from understudy.cli.sample_gaps import gaps
from understudy.contracts.vocabulary import VersionState

NAN = float("nan")


def told(folder: Path, labels: list[float | None], times: list[float | None]) -> list[str]:
    sample = folder / "sample.parquet"
    parquet.write_table(pa.table({"risk": labels, "at": times}), sample)
    made = version(1, VersionState.PENDING).model_copy(update={"time_column": "at"})
    return gaps(made, sample)


@pytest.mark.parametrize("labels", [[NAN, NAN], [None, NAN]])
def test_no_labels(tmp_path: Path, labels: list[float | None]) -> None:
    (gap,) = told(tmp_path, labels, [1.0, 2.0])
    assert gap == "no row of the reference sample has a label: no reference risk, no calibration"


def test_rows_without_a_time(tmp_path: Path) -> None:
    (gap,) = told(tmp_path, [1.0, NAN], [NAN, 2.0])
    assert gap == "1 of 2 rows of the reference sample have no time in 'at' and are left out"


def test_a_whole_sample_and_an_unreadable_one(tmp_path: Path) -> None:
    assert told(tmp_path, [1.0, 2.0], [1.0, 2.0]) == []
    (tmp_path / "junk").write_text("junk")
    assert gaps(version(1, VersionState.PENDING), tmp_path / "junk") == []
