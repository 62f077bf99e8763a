"""Reports are made by a child process: Evidently is heavy to import and may fail on odd columns.

The child gets two Parquet files and a description, nothing of our environment that is secret, and
limits of its own; it is killed when the deadline passes.
"""

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import structlog

from services.monitor.adapters.child_process import reason_of, run_child, said_last
from services.monitor.domain.errors import ReportDeadlineError, ReportFailedError
from services.monitor.domain.reports import FeatureLine
from services.monitor.domain.rows import PredictionRows
from services.monitor.ports import ReportOrder
from understudy.contracts.signature import Signature

_MODULE: Final = "services.monitor.adapters.reports"
_MEMORY_BYTES: Final = 4 * 1024**3


class ReportTask(msgspec.Struct, frozen=True, kw_only=True):
    """What the child is told, as JSON."""

    title: str
    reference: str
    current: str
    page: str
    numbers: list[str]
    categories: list[str]
    most_rows: int
    seconds: int
    facts: list[tuple[str, str]] = []
    figures: list[FeatureLine] = []
    memory_bytes: int = _MEMORY_BYTES


class ReportProcess:
    """Implements `ports.Reports`."""

    async def render(self, order: ReportOrder, deadline_seconds: float) -> bytes:
        """One child for one page."""
        with tempfile.TemporaryDirectory(prefix="understudy-report-") as name:
            folder = Path(name)
            task = await asyncio.to_thread(_prepare, order, folder, int(deadline_seconds) + 1)
            try:
                async with asyncio.timeout(deadline_seconds):
                    status = await run_child(_MODULE, task, folder)
            except TimeoutError as error:
                raise ReportDeadlineError(
                    f"The report was not ready within {deadline_seconds:g} s.", retry_after=30.0
                ) from error
            if status != 0:
                reason = reason_of(said_last(folder))
                structlog.stdlib.get_logger().error("report_failed", status=status, reason=reason)
                raise ReportFailedError("The report could not be made; the monitor's log says why.")
            return await asyncio.to_thread((folder / "page.html").read_bytes)


def current_table(rows: Sequence[PredictionRows], signature: Signature, most_rows: int) -> Any:
    """The newest rows as an Arrow table; a column that an entry lacks is null there."""
    parts = [_part(entry, signature) for entry in rows]
    table = pa.concat_tables(parts)
    return table.slice(max(0, table.num_rows - most_rows))


def _part(entry: PredictionRows, signature: Signature) -> Any:
    columns = {}
    for feature in signature.features:
        kind = pa.float64() if feature.numeric else pa.string()
        held = entry.columns.get(feature.name)
        if held is None or isinstance(held, np.ndarray) is not feature.numeric:
            columns[feature.name] = pa.nulls(len(entry.ids), kind)
        else:
            columns[feature.name] = pa.array(held, kind, from_pandas=True)
    return pa.table(columns)


def _prepare(order: ReportOrder, folder: Path, seconds: int) -> Path:
    """Write what the child reads."""
    current = folder / "current.parquet"
    pq.write_table(current_table(order.rows, order.signature, order.most_rows), current)
    task = ReportTask(
        title=order.title,
        reference=str(order.reference.resolve()),
        current=str(current),
        page=str(folder / "page.html"),
        numbers=[f.name for f in order.signature.features if f.numeric],
        categories=[f.name for f in order.signature.features if not f.numeric],
        most_rows=order.most_rows,
        seconds=seconds,
        facts=[*order.facts],
        figures=[*order.figures],
    )
    path = folder / "task.json"
    path.write_bytes(msgspec.json.encode(task))
    return path
