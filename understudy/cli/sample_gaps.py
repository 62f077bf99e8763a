"""What a sample lacks, so that a baseline says less than it could."""

from pathlib import Path
from typing import Any

from understudy.contracts.registry import VersionView


def gaps(version: VersionView, sample: Path) -> list[str]:
    """Of the sample that the baseline is measured on; nothing where pyarrow is not installed."""
    missing = _missing(sample, version.signature.target.name, version.time_column)
    if missing is None:
        return []
    rows, unlabelled, untimed = missing
    which = "reference" if version.evaluation is None else "evaluation"
    found = list[str]()
    if rows and unlabelled == rows:
        found.append(f"no row of the {which} sample has a label: no reference risk, no calibration")
    if untimed:
        found.append(
            f"{untimed:,} of {rows:,} rows of the {which} sample have no time in "
            f"'{version.time_column}' and are left out"
        )
    return found


def _missing(sample: Path, target: str, time: str | None) -> tuple[int, int, int] | None:
    """Rows, and those without a label and without a time."""
    try:
        from pyarrow import ArrowException  # noqa: PLC0415 - no part of the command line
        from pyarrow.parquet import read_table  # noqa: PLC0415
    except ImportError:
        return None
    try:
        table = read_table(sample, columns=[target, *([time] if time else [])])
        return table.num_rows, _nulls(table[target]), _nulls(table[time]) if time else 0
    except (ArrowException, OSError, KeyError):
        return None  # the registry has judged the file; this is only told beside


def _nulls(column: Any) -> int:
    """NaN counts as nothing."""
    return sum(chunk.is_null(nan_is_null=True).to_pylist().count(True) for chunk in column.chunks)
